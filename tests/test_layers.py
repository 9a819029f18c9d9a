"""The layers of the package: imports point down only, there is no cycle, and none is lazy.

Reads the source with `ast`; nothing is imported for it but by the last tests, which ask a fresh
process what `import cgrad` loads.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cgrad"

# The first name that a module's name starts with decides. Equal layers may import each other (as
# long as there is no cycle), lower ones never import higher ones.
LAYERS: dict[str, float] = {
    "cgrad.errors": 0,
    "cgrad.config": 0,
    "cgrad.hashing": 0,
    "cgrad.version": 0,
    "cgrad.core": 1,
    "cgrad.ops": 2,
    "cgrad.tensor": 2,
    "cgrad.rewrites": 3,
    "cgrad.gradient": 3,
    "cgrad.graph": 3,
    "cgrad.implicit": 3,
    "cgrad.sparse": 3,
    "cgrad.codegen": 4,
    "cgrad.cache": 4,
    "cgrad.colouring": 4,
    "cgrad.pipeline": 5,
    "cgrad.parameters": 5,
    "cgrad.results": 5,
    "cgrad.sparse_results": 5,
    "cgrad.coloured_results": 5,
    "cgrad.failures": 5,
    "cgrad.compiled": 5,
    "cgrad.function": 5,
    "cgrad.precompile": 5,
    "cgrad.samples": 5,
    "cgrad.pages": 5,
    "cgrad.export": 5,
    "cgrad.sparse_export": 5,
    "cgrad.native": 5,
    "cgrad.attach": 5,
    "cgrad.profile": 5,
    "cgrad.adaptors": 5,
    "cgrad.interpret": 5,
    "cgrad.looking": 5,
    "cgrad.trace": 5,
    "cgrad.interop": 6,
    "cgrad.optimize": 6,
    "cgrad.cli": 7,
    "cgrad.__main__": 7,
}
# Files that hold names only: they may import from anything below the top.
FACADES = {"cgrad": 8, "cgrad.tensor": 3, "cgrad.tensor.optimize": 3}
# Code generation knows no cache, and the cache knows no graph.
APART = {
    "cgrad.cache": ("cgrad.errors", "cgrad.config", "cgrad.hashing", "cgrad.cache"),
    "cgrad.codegen": ("cgrad.errors", "cgrad.config", "cgrad.core", "cgrad.ops", "cgrad.codegen"),
}
# What core is may be read in an afternoon: lines of code, neither blank nor comment nor docstring.
CORE_LINES = 2600

Sources = Mapping[str, str]


class Import:
    """One import of a module of the package.

    lazy   inside a function
    typed  under `if TYPE_CHECKING`: it never runs, so it makes no cycle, but it has a direction
    """

    def __init__(self, source: str, target: str, line: int, lazy: bool, typed: bool) -> None:
        self.source = source
        self.target = target
        self.line = line
        self.lazy = lazy
        self.typed = typed

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}: imports {self.target}"


def read_package() -> dict[str, str]:
    """Module name -> text of every module of the package."""
    sources = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources[name] = path.read_text(encoding="utf-8")
    return sources


def imports(sources: Sources) -> list[Import]:
    """Every import of one of these modules by another, `from package import module` included."""
    found = []
    for source, text in sources.items():
        for statement, lazy, typed in _statements(ast.parse(text), False, False):
            for target in _targets(statement, sources):
                if target != source:
                    found.append(Import(source, target, statement.lineno, lazy, typed))
    return found


def _statements(
    tree: ast.AST, lazy: bool, typed: bool
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, lazy, typed
        inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        checking = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
        yield from _statements(child, lazy or inside, typed or checking)


def _targets(statement: ast.Import | ast.ImportFrom, sources: Sources) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names if _within(alias.name, "cgrad"))
        return
    if statement.level:
        raise AssertionError(f"line {statement.lineno}: write the full name of the module")
    base = statement.module or ""
    if not _within(base, "cgrad"):
        return
    members = [f"{base}.{alias.name}" for alias in statement.names]
    modules = [name for name in members if name in sources]
    yield from modules
    if len(modules) < len(members):
        yield base


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def layer(name: str) -> float:
    """The layer of a module as one that is imported."""
    for known, number in LAYERS.items():
        if _within(name, known):
            return number
    if name in FACADES:
        return FACADES[name]
    raise AssertionError(f"{name} is in no layer: give it one in tests/test_layers.py")


def breaches(sources: Sources) -> list[str]:
    """What breaks the rules of this file, one line each."""
    found = imports(sources)
    wrong = []
    for item in found:
        top = FACADES.get(item.source, layer(item.source))
        if layer(item.target) > top or (item.target in FACADES and item.source not in FACADES):
            wrong.append(f"{item}, which is above it")
        for package, allowed in APART.items():
            inside = _within(item.source, package)
            if inside and not any(_within(item.target, name) for name in allowed):
                wrong.append(f"{item}, which {package} knows nothing of")
        if item.lazy:
            wrong.append(f"{item} inside a function")
    for name in FACADES:
        wrong += _more_than_names(name, sources.get(name, ""))
    cycle = _cycle([(item.source, item.target) for item in found if not item.typed])
    if cycle:
        wrong.append(f"modules import each other: {' -> '.join(cycle)}")
    return wrong


def _more_than_names(name: str, text: str) -> Iterator[str]:
    """A facade has a docstring, imports, and assignments of `__names__`."""
    for node in ast.parse(text).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("__"):
            continue
        yield f"{name}, line {node.lineno}: a facade holds names only"


def _cycle(edges: list[tuple[str, str]]) -> list[str]:
    """Modules that import each other in a circle; empty if there are none."""
    graph: dict[str, list[str]] = {}
    for source, target in edges:
        graph.setdefault(source, []).append(target)
    done: set[str] = set()
    for start in graph:
        path: list[str] = []
        stack = [(start, iter(graph[start]))] if start not in done else []
        path += [start] if stack else []
        while stack:
            node, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                path.pop()
                done.add(node)
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following not in done:
                path.append(following)
                stack.append((following, iter(graph.get(following, []))))
    return []


def lines_of_code(text: str) -> int:
    """Lines that hold code: neither blank, nor comment, nor docstring."""
    tree = ast.parse(text)
    doc: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            doc.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    rows = enumerate(text.splitlines(), 1)
    return sum(
        bool(row.strip()) and not row.lstrip().startswith("#") and number not in doc
        for number, row in rows
    )


# -- the package ------------------------------------------------------------------------------
def test_imports_point_down() -> None:
    assert breaches(read_package()) == []


def test_every_module_has_a_docstring() -> None:
    assert [n for n, text in read_package().items() if not ast.get_docstring(ast.parse(text))] == []


def test_core_is_small() -> None:
    sources = read_package()
    total = sum(
        lines_of_code(text) for name, text in sources.items() if _within(name, "cgrad.core")
    )
    assert total <= CORE_LINES


# -- the checker finds what is planted --------------------------------------------------------
@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        ("cgrad.core.node", "from cgrad.ops import axes", "above it"),
        ("cgrad.core.node", "import cgrad.gradient.reverse", "above it"),
        ("cgrad.ops.axes", "from cgrad.gradient.reverse import grad", "above it"),
        ("cgrad.ops.axes", "from cgrad.tensor import sum", "above it"),
        ("cgrad.tensor.math", "from cgrad.gradient import grad", "above it"),
        ("cgrad.gradient.reverse", "import cgrad", "above it"),
        ("cgrad.cache.load", "from cgrad.core.node import Node", "knows nothing of"),
        ("cgrad.codegen.emit", "from cgrad.cache import load", "knows nothing of"),
        ("cgrad.codegen.emit", "from cgrad.rewrites import simplify", "knows nothing of"),
        ("cgrad.ops.axes", "def f():\n    from cgrad.core import node", "inside a function"),
        ("cgrad.core.node", "from cgrad.core import derive", "import each other"),
        ("cgrad.tensor", "def f(): pass", "names only"),
        (
            "cgrad.core.node",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cgrad.ops import axes",
            "above it",
        ),
    ],
)
def test_a_planted_breach_is_found(module: str, text: str, expected: str) -> None:
    sound = {
        "cgrad": "from cgrad.tensor import sum",
        "cgrad.config": "",
        "cgrad.core": "",
        "cgrad.core.node": "from cgrad import config",
        "cgrad.core.derive": "from cgrad.core.node import Node",
        "cgrad.ops": "",
        "cgrad.ops.axes": "from cgrad.core.node import Node",
        "cgrad.tensor": "from cgrad.gradient.reverse import grad",
        "cgrad.tensor.math": "from cgrad.ops import axes",
        "cgrad.gradient": "",
        "cgrad.gradient.reverse": "from cgrad.tensor.math import sum",
        "cgrad.rewrites": "",
        "cgrad.codegen": "",
        "cgrad.codegen.emit": "from cgrad.core.node import Node",
        "cgrad.cache": "",
        "cgrad.cache.load": "from cgrad import config",
    }
    assert breaches(sound) == []
    found = breaches({**sound, module: f"{sound[module]}\n{text}"})
    assert any(expected in line for line in found), found


def test_an_unknown_module_needs_a_layer() -> None:
    with pytest.raises(AssertionError, match="in no layer"):
        breaches({"cgrad.novelty": "import cgrad.core", "cgrad.core": ""})


# -- what `import cgrad` loads ----------------------------------------------------------------
def _loaded(code: str) -> set[str]:
    script = f"import sys, json, numpy\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(result.stdout))


def test_import_loads_little() -> None:
    loaded = _loaded("import cgrad, cgrad.tensor")
    heavy = {"setuptools", "distutils", "pycparser", "scipy", "scipy_openblas64", "cffi.recompiler"}
    assert loaded & heavy == set()
    own = loaded - _loaded("")  # beyond NumPy's
    assert own & {"subprocess", "shlex", "tempfile", "shutil", "dataclasses", "inspect"} == set()


def test_a_warm_start_loads_no_compiler_machinery(tmp_path: Path) -> None:
    code = f"""
import os
os.environ["CGRAD_CACHE_DIR"] = {str(tmp_path / "cache")!r}
import cgrad, cgrad.tensor as ct
x = ct.dscalar("x")
assert cgrad.function([x], ct.grad(x**2, x))(4) == 8
"""
    assert "cgrad.cache.glue" in _loaded(code)  # cold: fills the cache
    warm = _loaded(code)
    heavy = {"setuptools", "pycparser", "cffi.recompiler", "scipy", "_cgrad_kernel"}
    assert warm & heavy == set()
    assert "subprocess" not in warm - _loaded("")


def test_test_files_have_names_of_their_own() -> None:
    """pytest imports them by name: of two with one name it takes the first only."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(set(names)) == len(names) > 50
