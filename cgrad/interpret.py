"""Functions without C: each operation in turn with NumPy, where nothing can be compiled.

The graph is the one that would have been compiled, after its rewrites; checks of shapes are the
same ones. Loops run in Python, so it is 10 to 1000 times slower than C.

Responsible for: what takes the place of a kernel.  Not responsible for: values (`core.evaluate`) or
calls (`cache.fallback`, whose dispatcher this is, but for the part that computes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad import config
from cgrad import failures as codes
from cgrad.cache.fallback import PythonDispatcher, Setting
from cgrad.cache.store import warn_once
from cgrad.cache.toolchain import compiler_setting
from cgrad.codegen.lower import checks_of
from cgrad.codegen.unify import is_entry_size, unify
from cgrad.core import sizes
from cgrad.core.evaluate import evaluate, lookup_in
from cgrad.core.loops import Check
from cgrad.core.node import Node
from cgrad.errors import CgradError, IndexBoundsError, NoCompilerError
from cgrad.pipeline import Program, generate, largest_shape

__all__ = ["Interpreted", "Interpreter", "is_wanted", "stands_in"]


def is_wanted() -> bool:
    """Whether nothing is to be compiled at all (CGRAD_INTERPRET=always)."""
    return config.interpret.get() == "always"


def stands_in(error: NoCompilerError) -> None:
    """Say that NumPy computes instead; raise the error where that is not wanted.

    A compiler that was asked for by name and is not there is a mistake, no reason to do without.
    """
    if config.interpret.get() == "never" or compiler_setting():
        raise error
    warn_once(
        "no C compiler was found, so functions are computed op by op with NumPy, 10 to 1000 times "
        "slower than compiled. Fix: install gcc or clang (apt install gcc, xcode-select --install) "
        "or zig, which is a Python package (pip install ziglang). CGRAD_INTERPRET=never makes this "
        "an error, CGRAD_INTERPRET=always is for doing without on purpose"
    )


class Interpreted:
    """What a function without a kernel has in its place."""

    origin = "interpreted"
    key = path = ""
    build_seconds = 0.0
    routines: tuple[Any, ...] = ()
    entry_address = sizes_address = work_address = 0

    def __init__(self, program: Program) -> None:
        self._program = program
        known = _known_at_entry(program)
        self.bounds = [
            largest_shape(node, k, node.dims, known) for k, node in enumerate(program.outputs)
        ]
        counted = [
            k
            for k, (node, bounds) in enumerate(zip(program.outputs, self.bounds, strict=True))
            if node.dims != bounds
        ]
        self.meta: dict[str, Any] = {
            "sizes": [], "nests": 0, "slots": 0, "workspace": "0", "counted": counted,
            "interruptible": False,
        }  # fmt: skip

    @property
    def source(self) -> str:
        """The C text that would have been compiled."""
        return generate(self._program)


class Interpreter(PythonDispatcher):
    """Computes with NumPy; a subclass has `_plan` and `maker`."""

    _plan: Any
    maker: Any

    def _open(self, entry: int, sizes: int, work: int) -> None:
        program: Program = self._plan.program
        self._checks = unify(program.inputs, program.outputs, program.nodes).checks
        self._known = _known_at_entry(program)
        self._inner: dict[Node, list[Check]] = {}

    def _prepare(self, args: Sequence[Any], given: list[Any]) -> Setting:
        arrays = self._with_hidden(given)
        values = dict(zip(self._plan.program.inputs, arrays, strict=True))
        self._check(self._checks, values, args, arrays)
        lookup = lookup_in(values)
        shapes = [
            np.array([sizes.evaluate(n, lookup) for n in bounds], np.int64)
            for bounds in self._owner.bounds  # type: ignore[attr-defined]
        ]
        none = np.zeros(0, np.int64)
        return Setting(arrays, [], none, none, shapes, 0)

    def _check(
        self,
        checks: Sequence[Check],
        values: Mapping[Node, Any],
        args: Sequence[Any],
        arrays: Sequence[Any],
    ) -> None:
        lookup = lookup_in(values)
        for check in checks:
            found, expected = (sizes.evaluate(n, lookup) for n in (check.found, check.expected))
            if not _HOLDS[check.code](found, expected):
                code = getattr(codes, check.code)
                rest = (*args, *arrays[self._n_user :])
                self._fail(code, check.tag, check.axis, found, expected, rest)

    def _compute(self, args: Sequence[Any], setting: Setting, made: list[Any]) -> None:
        given = dict(zip(self._plan.program.inputs, setting.arrays, strict=True))

        def observe(node: Node, values: Mapping[Node, Any], steps: tuple[int, ...]) -> None:
            self._check(self._inside(node), values, args, setting.arrays)

        try:
            with np.errstate(all="ignore"):
                found = evaluate(self.maker.fgraph.outputs, given, observe)
        except CgradError:
            raise
        except IndexError as error:
            where = "\n".join(getattr(error, "__notes__", ()))
            raise IndexBoundsError(f"{self._plan.program.name}: {error}\n{where}") from error
        for target, shape, value in zip(made, setting.out_shapes, found, strict=True):
            array = np.asarray(value)
            target.ravel()[: array.size] = array.ravel()
            shape[:] = array.shape

    def _inside(self, node: Node) -> list[Check]:
        """The checks of a node that could not be made at entry."""
        checks = self._inner.get(node)
        if checks is None:
            checks = self._inner[node] = [
                check
                for check in checks_of(node)
                if not (_fit(check.found, self._known) and _fit(check.expected, self._known))
            ]
        return checks


_HOLDS = {
    "CG_SHAPE": lambda found, expected: found == expected,
    "CG_INDEX": lambda found, expected: 0 <= found < expected,
    "CG_EMPTY": lambda found, expected: found > 0,
}


def _known_at_entry(program: Program) -> Any:
    inputs = set(program.inputs)
    return lambda atom: is_entry_size(atom, inputs)


def _fit(size: Any, known: Any) -> bool:
    return all(known(atom) or atom.kind in sizes.COMPOUND for atom in sizes.atoms(size))
