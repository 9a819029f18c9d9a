"""docs/api, the reference: a page for each public module, made from signatures and docstrings.

docs/ops.md, the table of operations, is made by `tools.ops_page`.

    python -m tools.reference

writes the pages.  A name has one place, the page of the module that is nearest to where it is
defined; other modules that export it have a line that leads there.  A page of many names has a
section for each file that defines some.

Responsible for: which names are on which page, and what a page looks like.  Not responsible for:
Markdown from docstrings (`tools.docstrings`).
"""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cgrad
from cgrad import compiled, config, errors
from cgrad.core.node import Node, TensorType
from cgrad.tensor import creation
from tools import ops_page
from tools.docstrings import markdown, summary

DOCS = Path(__file__).resolve().parent.parent / "docs"
COMMAND = "python -m tools.reference"
_HEAD = f"<!-- Made by `{COMMAND}` from the source: change that. -->"
# what has a section of its own although no module exports it
_MORE: dict[str, dict[str, Any]] = {"cgrad": {"CompiledFunction": compiled.FunctionMethods}}
# where readers look first; files that are not listed follow
_ORDER = (
    "function", "parameters", "compiled", "creation", "shared", "node", "math", "derived",
    "gammas", "bessel", "special", "reductions", "statistics", "norms", "products", "shape",
    "arrange", "indexing", "lookup", "selection", "declared", "packing", "padding", "scan",
    "reverse", "forward", "jacobian", "verify", "passthrough", "keys", "streams", "continuous",
    "discrete", "families",
)  # fmt: skip
_LINE = 100


def pages() -> dict[str, str]:
    """The text of every page, by its path below docs/."""
    modules = list(_modules(cgrad))
    public = {module.__name__: _names(module) for module in modules}
    homes = {name: _home(name, public) for name in public}
    texts = {
        f"api/{module.__name__}.md": _page(module, public[module.__name__], homes[module.__name__])
        for module in modules
    }
    texts["api/cgrad.config.md"] = _settings()
    texts["ops.md"] = f"{_HEAD}\n\n{ops_page.page()}"
    texts["api/index.md"] = _index([*modules, config])
    return texts


def _modules(module: types.ModuleType) -> Iterator[types.ModuleType]:
    """The module and those that it exports, one below the other; errors at the end."""
    yield module
    for _, part in sorted(_exported(module).items()):
        if inspect.ismodule(part):
            yield from _modules(part)
    if module is cgrad:
        yield errors


def _exported(module: types.ModuleType) -> dict[str, Any]:
    """What `__all__` names, or without that all that it defines without an underscore."""
    if hasattr(module, "__all__"):
        return {name: getattr(module, name) for name in module.__all__}
    return {
        name: thing
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", "") == module.__name__
    }


def _names(module: types.ModuleType) -> dict[str, Any]:
    exported = _exported(module)
    found = {name: thing for name, thing in exported.items() if not inspect.ismodule(thing)}
    return found | _MORE.get(module.__name__, {})


def _home(page: str, public: dict[str, dict[str, Any]]) -> dict[str, str]:
    """For each name of the page the page that describes it: the one nearest to its file."""
    homes = {}
    for name, thing in public[page].items():
        having = [other for other, names in public.items() if names.get(name) is thing]
        file = _file(thing) + "."
        near = [other for other in having if file.startswith(other + ".")]
        homes[name] = max(near, key=len) if near else having[0]
    return homes


def _file(thing: Any) -> str:
    """The module that defines it."""
    if inspect.isclass(thing) or callable(thing):
        return str(thing.__module__)
    return type(thing).__module__ if type(thing).__module__ != "builtins" else creation.__name__


# -- a page -----------------------------------------------------------------------------------
def _page(module: types.ModuleType, names: dict[str, Any], homes: dict[str, str]) -> str:
    page = module.__name__
    here = {name: thing for name, thing in names.items() if homes[name] == page}
    others = {name: thing for name, thing in names.items() if homes[name] != page}
    parts = [_HEAD, f"# {page}", _about(module)]
    sections = _sections(here)
    if len(here) > 5:
        parts.append("\n".join(_contents(*section) for section in sections))
    for title, groups in sections:
        parts += [f"## {title}"] if len(sections) > 1 else []
        if title == _SYMBOLS:
            parts.append(_constructors([names[0] for names, _ in groups]))
        else:
            parts += [_entry(names, thing, module) for names, thing in groups]
    if others:
        parts += ["## Described elsewhere", "\n".join(_pointers(others, homes))]
    return "\n\n".join(part for part in parts if part) + "\n"


_SYMBOLS = "Symbols by dtype and number of axes"
Groups = list[tuple[list[str], Any]]


def _sections(names: dict[str, Any]) -> list[tuple[str, Groups]]:
    """(title, [(names of one thing, the thing)]), by the file that defines the thing."""
    found: dict[str, Groups] = {}
    for name, thing in sorted(names.items(), key=lambda item: (item[0].lower(), item[0])):
        group = found.setdefault(_SYMBOLS if _is_constructor(thing) else _file(thing), [])
        same = next((names for names, other in group if other is thing and callable(thing)), None)
        if same is None:
            group.append(([name], thing))
        else:
            same.append(name)
    return [(_title(file), found[file]) for file in sorted(found, key=_place)]


def _place(file: str) -> tuple[int, str]:
    last = "creation" if file == _SYMBOLS else file.rpartition(".")[2]
    return _ORDER.index(last) if last in _ORDER else len(_ORDER), file


def _title(file: str) -> str:
    if file == _SYMBOLS:
        return file
    about = inspect.getdoc(importlib.import_module(file)) or file
    return summary(about).partition(": ")[0].rstrip(".")


def _is_constructor(thing: Any) -> bool:
    """Whether it is `vector`, `dmatrices` or the like, of which there are many."""
    here = inspect.isfunction(thing) and thing.__module__ == creation.__name__
    return here and thing.__qualname__ != thing.__code__.co_qualname


def _constructors(names: list[str]) -> str:
    one = [name for name in names if not name.endswith("s")]
    several = [name for name in names if name.endswith("s")]
    rows = [
        "A letter for the dtype and a word for the axes: `dvector` is a vector of float64.",
        "| letter | dtype |\n|---|---|\n"
        + "\n".join(f"| {letter} | {dtype} |" for letter, dtype in creation.LETTERS.items()),
        "| word | shape |\n|---|---|\n"
        + "\n".join(f"| `{word}` | `{tuple(shape)}` |" for word, shape in creation.SHAPES.items()),
        _entry(["dvector"], creation.dvector, creation),
        _entry(["dvectors"], creation.dvectors, creation),
        "All of them: " + " ".join(f"`{name}`" for name in one),
        "Several at once: " + " ".join(f"`{name}`" for name in several),
    ]
    return "\n\n".join(rows)


def _contents(title: str, groups: Groups) -> str:
    """A line of the table of contents."""
    if title == _SYMBOLS:
        return f"* {title}: [`dvector`](#dvector) and the like"
    links = [f"[`{name}`](#{'-'.join(names).lower()})" for names, _ in groups for name in names]
    return f"* {title}: {' '.join(links)}"


def _pointers(names: dict[str, Any], homes: dict[str, str]) -> Iterator[str]:
    by_page: dict[str, list[str]] = {}
    for name in sorted(names):
        by_page.setdefault(homes[name], []).append(name)
    for page, those in sorted(by_page.items()):
        yield f"* [{page}]({page}.md): " + " ".join(f"`{name}`" for name in those)


def _entry(names: list[str], thing: Any, module: types.ModuleType) -> str:
    """A heading, how it is called, and what its docstring says."""
    title = f"### {' '.join(names)}"
    if inspect.isclass(thing):
        return "\n\n".join([title, *_class(names[0], thing, module)])
    if callable(thing):
        return "\n\n".join([title, _call(names[0], thing), markdown(inspect.getdoc(thing) or "")])
    if type(thing).__module__ == "builtins":
        return f"{title}\n\nThe number {thing}." if thing is not None else f"{title}\n\nNone."
    return f"{title}\n\n{markdown(inspect.getdoc(type(thing)) or '')}"


# -- classes ----------------------------------------------------------------------------------
def _class(name: str, cls: type, module: types.ModuleType) -> Iterator[str]:
    made_by_users = "__init__" in vars(cls) and cls is not compiled.FunctionMethods
    if made_by_users and not issubclass(cls, Node):
        yield _call(name, cls)
    bases = [base.__name__ for base in cls.__bases__ if issubclass(base, Exception)]
    if bases:
        yield f"A kind of {' and '.join(f'`{base}`' for base in bases)}."
    yield markdown(inspect.getdoc(cls) or "")
    functions: list[str] = []
    for member, thing in _members(cls):
        doc = inspect.getdoc(thing) or ""
        if doc in (f"See `cgrad.tensor.{member}`.", inspect.getdoc(getattr(module, member, None))):
            functions.append(member)
        elif isinstance(thing, property):
            yield f"#### {name}.{member}\n\n{markdown(doc)}"
        else:
            yield f"#### {name}.{member}\n\n{_call(member, thing)}\n\n{markdown(doc)}"
    if functions:
        yield (
            f"Functions of `{module.__name__}` that are methods too, with the object as the first "
            f"argument: {' '.join(f'`{member}`' for member in functions)}"
        )


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that the class adds to other classes that have an entry."""
    elsewhere = {
        name for base in cls.__mro__[1:] if base in (Node, TensorType) for name, _ in _members(base)
    }
    seen = elsewhere | _INTERNAL
    for base in cls.__mro__:
        if not base.__module__.startswith("cgrad"):
            continue
        for name, thing in vars(base).items():
            plain = inspect.isfunction(thing) or isinstance(thing, property)
            if plain and not name.startswith("_") and name not in seen and inspect.getdoc(thing):
                seen.add(name)
                yield name, thing


# of `Node`, for the compiler only
_INTERNAL = {"dims", "deps"}


# -- signatures -------------------------------------------------------------------------------
def _call(name: str, thing: Any) -> str:
    signature = inspect.signature(thing)
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    result = "" if inspect.isclass(thing) else f" -> {_annotation(signature.return_annotation)}"
    words = list(_words(parameters))
    line = f"{name}({', '.join(words)}){result}"
    if len(line) > _LINE:
        line = "\n".join([f"{name}(", *(f"    {word}," for word in words), f"){result}"])
    return f"```python\n{line}\n```"


_MARKS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def _words(parameters: list[inspect.Parameter]) -> Iterator[str]:
    starred = False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        starred = starred or p.kind is p.VAR_POSITIONAL
        mark = _MARKS.get(p.kind, "")
        annotation = _annotation(p.annotation)
        word = mark + p.name + (f": {annotation}" if annotation else "")
        equals = " = " if annotation else "="
        yield word if p.default is p.empty else f"{word}{equals}{p.default!r}"


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")


# -- pages of their own -----------------------------------------------------------------------
def _about(module: types.ModuleType) -> str:
    """What the docstring of a module says to its users: all but who is responsible for what."""
    blocks = markdown(inspect.getdoc(module) or "").split("\n\n")
    return "\n\n".join(block for block in blocks if not block.startswith("Responsible for:"))


def _settings() -> str:
    rows = [_HEAD, "# cgrad.config", _about(config)]
    for switch in config.SWITCHES:
        shown = f"`{switch.default!r}`" if switch.default not in ("", ()) else "none"
        rows.append(f"### {switch.variable}\n\n{markdown(switch.doc)}\n\nDefault: {shown}.")
    return "\n\n".join(rows) + "\n"


def _index(modules: list[types.ModuleType]) -> str:
    lines = [
        f"* [{module.__name__}]({module.__name__}.md): {summary(inspect.getdoc(module) or '')}"
        for module in modules
    ]
    return "\n\n".join([_HEAD, "# Reference", "\n".join(lines), _WORDS]) + "\n"


_WORDS = """\
Words in signatures:

* `Node`: a symbolic tensor, or a scalar, which is one without axes.
* `Arraylike`: a `Node`, a NumPy array, a number, or lists of these.
* `Axis`: an int, a tuple of ints, or None for all axes. Negative ones count from the end.
* `DType`: "float64", "float32", "bool", an integer such as "int64" or "uint8", or what NumPy takes
  for one of these.

Shapes are written as in `(..., n, k)`: any axes in front, then one of length n and one of length k.
Derivatives exist to any order, in both modes, unless a text says otherwise; the
[table of operations](../ops.md) has the rules."""


def main() -> None:
    """Write the pages, and delete those that are no more."""
    texts = pages()
    (DOCS / "api").mkdir(exist_ok=True)
    for old in (DOCS / "api").glob("*.md"):
        if old.relative_to(DOCS).as_posix() not in texts:
            old.unlink()
    for path, text in texts.items():
        (DOCS / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
