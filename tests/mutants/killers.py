"""What notices a mutant: the quick checks without a compiler, the nearest first.

Each mutant lives in a forked child, so that the next one starts from sound code.

Responsible for: which checks belong to a mutant, running them.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ops.test_elementwise_derivatives as elementwise
import pytest
import test_every_rule
from fuzz.graphs import INTERPRETED, Graph, errors
from fuzz.tape import Ambiguous
from mutants.make import Mutant, install

from cgrad.core.evaluate import evaluate
from cgrad.core.node import TensorType, make_input

TESTS = Path(__file__).resolve().parents[1]
GATE = 16
# seconds of a mutant that never comes to an end
LIMIT = 300
SURVIVED, KILLED, INVALID, LATE = 0, 1, 2, 3


def _tensor(name: str | None = None, shape: Any = 0, dtype: str = "float64") -> Any:
    return make_input(
        TensorType(dtype, (None,) * shape if isinstance(shape, int) else tuple(shape)), name
    )


@functools.cache
def graphs() -> list[Any]:
    """Seeds of random graphs with what the oracle says; made before the first mutant."""
    found = []
    for seed in range(30_000, 30_150):
        graph = Graph(seed)
        with contextlib.suppress(Ambiguous):
            found.append((seed, *graph.oracle()[:2]))
    return found


def _random(ways: tuple[str, ...]) -> Callable[[], None]:
    def check() -> None:
        for seed, run, want in graphs():
            graph = Graph(seed)
            for way in ways:
                found = errors(graph, run, want, INTERPRETED[way](graph))
                assert not found.wrong and found.worst <= GATE, (way, seed)

    return check


def _files(*names: str) -> Callable[[], None]:
    """Test files by pytest."""

    def check() -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = pytest.main(
                [
                    "-x",
                    "-q",
                    "-p",
                    "no:cacheprovider",
                    "-p",
                    "no:xdist",
                    *(str(TESTS / n) for n in names),
                ]
            )
        assert code == 0, names

    return check


def _rows(name: str) -> Iterator[Callable[[], None]]:
    for row in elementwise.SMOOTH:
        if row == name:
            for mode in (elementwise._chain, elementwise._forward):
                yield lambda row=row, mode=mode: elementwise.test_unary(
                    row, mode, _tensor, evaluate
                )
    if name in elementwise.PAIRS:
        yield lambda: elementwise.test_binary(name, _tensor, evaluate)


def _rules(mutant: Mutant) -> Iterator[Callable[[], None]]:
    """The examples of the rule, or of all rules of the file for what they share."""
    cases = [case.values for case in test_every_rule.CASES]
    own = [c for c in cases if c[0].name == mutant.owner]
    if not own:
        own = [c for c in cases if c[0].apply.__module__ == mutant.module]
    for rule, example, group in own:
        yield lambda r=rule, e=example, g=group: test_every_rule.test_rule(r, e, g)


def nearest(mutant: Mutant) -> Iterator[Callable[[], None]]:
    """The tests of the very row or rule."""
    return _rules(mutant) if ".rewrites." in mutant.module else _rows(mutant.owner)


def checks(mutant: Mutant) -> Iterator[Callable[[], None]]:
    """The checks that may kill a mutant, quick ones first."""
    yield from nearest(mutant)
    if ".rewrites." in mutant.module:
        yield _files("rewrites")
        yield _random(("rewritten", "expanded"))
    elif mutant.module.endswith("elementwise"):
        yield _files("ops/test_elementwise_derivatives.py")
        yield _random(("as written",))
    else:
        yield _files("ops/test_structure_derivatives.py", "core/test_derive.py")
        yield _random(("as written",))
        yield _files("test_orders.py")
        yield _files("gradient")


def warm_up() -> None:
    """The oracle's answers, which every child finds there; and sound code survives."""
    graphs()
    for module, owner in (("ops.elementwise", "sin"), ("ops.axes", ""), ("rewrites.powers", "")):
        sound = Mutant(f"cgrad.{module}", 0, owner, 0, 0, "nothing")
        assert survives(sound, put=lambda mutant: 1) == SURVIVED, f"checks of {module} fail"


def survives(mutant: Mutant, put: Callable[[Mutant], int] = install, look: Any = checks) -> int:
    """SURVIVED, KILLED, INVALID (nothing changed) or LATE (it does not come to an end)."""
    child = os.fork()
    if child == 0:
        os._exit(_child(mutant, put, look))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return LATE if os.WTERMSIG(status) == signal.SIGALRM else KILLED
    return os.WEXITSTATUS(status)


def _child(mutant: Mutant, put: Callable[[Mutant], int], look: Any) -> int:
    signal.alarm(LIMIT)
    try:
        if not put(mutant):
            return INVALID
    except ValueError:
        return INVALID
    except Exception:
        return KILLED  # the module could not even be imported
    try:
        for check in look(mutant):
            check()
    except BaseException:
        return KILLED
    return SURVIVED
