"""From `pkg.module:name` to compiled functions.

Responsible for: importing what the user names, and saying what is there when it is not.
Not responsible for: what is done with the functions.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from cgrad.cli.output import UsageError, WorkFailed, short
from cgrad.compiled import FunctionMethods
from cgrad.errors import ConfigError, NoCompilerError
from cgrad.precompile import marked

LONGEST = 1000
WHAT = (
    "MODULE:NAME, where NAME is a compiled function, or a callable without arguments that returns "
    "one (or a list, tuple or dict of them, where NAME[0] or NAME[key] is one); MODULE may be a "
    "path that ends in .py"
)


def split(target: str) -> tuple[str, str]:
    """The module and the dotted name, empty if there is none. Raises UsageError."""
    module, colon, name = target.rpartition(":") if ":" in target else (target, "", "")
    dotted = module.endswith(".py") or all(part.isidentifier() for part in module.split("."))
    if len(target) > LONGEST or not dotted or "\0" in target:
        raise UsageError(f"{short(target)!r} names no module; expected {WHAT}")
    if colon and not all(part.isidentifier() for part in _plain(name).split(".")):
        raise UsageError(f"{short(target)!r} names nothing in a module; expected {WHAT}")
    return module, name


def _plain(name: str) -> str:
    """Without the places in lists and dicts at its end: `powers[2]` is one of `powers`."""
    return re.sub(r"(?<=[^\[\]])(\[[^\[\]]*\])+$", "", name)


def load_module(name: str) -> ModuleType:
    """The module, imported from the current directory too, as `python -m` does."""
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return _from_file(name) if name.endswith(".py") else importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise UsageError(
                f"there is no module {short(name)!r}; looked in the current directory and in "
                "Python's path. Fix: run this where it can be imported"
            ) from error
        raise _failed(f"importing {short(name)}", error) from error
    except (ConfigError, NoCompilerError, UsageError):
        raise
    except (Exception, SystemExit) as error:
        raise _failed(f"importing {short(name)}", error) from error


def _from_file(path: str) -> ModuleType:
    if not os.path.isfile(path):
        raise UsageError(f"there is no file {short(path)!r}")
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{short(path)!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def expand(target: str) -> list[str]:
    """The target itself, or everything that a module marks with `cgrad.precompile`."""
    module, name = split(target)
    if name:
        return [target]
    found = marked(load_module(module))
    if not found:
        raise UsageError(
            f"{short(module)} marks nothing with @cgrad.precompile. Fix: mark what makes its "
            f"functions, or name them: {short(module)}:NAME"
        )
    return [f"{module}:{name}" for name in found]


def functions(target: str) -> list[tuple[str, Any]]:
    """(label, compiled function) of everything a target stands for. Raises WorkFailed."""
    module, name = split(target)
    if not name:
        raise UsageError(f"{short(target)!r} names a module only; expected {WHAT}")
    found: Any = load_module(module)
    plain = _plain(name)
    for part in plain.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{short(module)} has no {short(part)!r}{_hint(part, found)}")
        found = getattr(found, part)
    if not isinstance(found, FunctionMethods) and callable(found):
        try:
            found = found()
        except (ConfigError, NoCompilerError):
            raise
        except (Exception, SystemExit) as error:
            raise _failed(f"calling {short(target)}", error) from error
    every = list(_flatten(f"{module}:{plain}", found))
    chosen = [(label, f) for label, f in every if label.startswith(target)]
    if not chosen:
        raise UsageError(f"there is no {short(target)}; there are {_listed(every)}")
    return chosen


def _hint(part: str, found: Any) -> str:
    """What the user may have meant; all that is marked if nothing looks like it."""
    names = [n for n, value in vars(found).items() if n[0] != "_" and callable(value)]
    if close := difflib.get_close_matches(part, names, 3):
        return f"; did you mean {' or '.join(close)}?"
    known = list(marked(found)) if isinstance(found, ModuleType) else []
    return f"; it marks {', '.join(known)} with @cgrad.precompile" if known else ""


def _listed(found: list[tuple[str, Any]]) -> str:
    names = [short(label) for label, _ in found]
    return ", ".join([*names[:5], *(["..."] if names[5:] else [])]) or "none"


def one(target: str) -> Any:
    """The compiled function of a target that stands for one."""
    found = functions(target)
    if len(found) != 1:
        raise UsageError(
            f"{short(target)} gives {len(found)} functions, expected one of {_listed(found)}"
        )
    return found[0][1]


def _flatten(label: str, found: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(found, FunctionMethods):
        yield label, found
    elif isinstance(found, dict):
        for key, value in found.items():
            yield from _flatten(f"{label}[{short(str(key), 40)}]", value)
    elif isinstance(found, (list, tuple)):
        for k, value in enumerate(found):
            yield from _flatten(f"{label}[{k}]", value)
    else:
        raise UsageError(
            f"{short(label)} is {type(found).__name__}, no compiled function; expected {WHAT}"
        )


def _failed(doing: str, error: BaseException) -> WorkFailed:
    """With the place in the user's code, not in this package."""
    here = os.path.dirname(os.path.abspath(__file__))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((here, "<frozen")) and "importlib" not in frame.filename
    ]
    place = (
        f"\n  at {frames[0].filename}, line {frames[0].lineno}: {frames[0].line}" if frames else ""
    )
    return WorkFailed(f"{doing}: {type(error).__name__}: {error}{place}")
