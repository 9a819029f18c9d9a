"""Whether a mutant survives; it lives in a forked child, so the next one starts from sound code.

Responsible for: the order of the checks, running them against a mutant.
"""

from __future__ import annotations

import os
import re
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ops.test_elementwise_derivatives as elementwise
import test_every_rule
from mutants.checks import Check
from mutants.make import Mutant, functions_of, install
from mutants.reach import Reach, place_of, processor_time, silence

from cgrad.core.evaluate import evaluate
from cgrad.core.node import TensorType, make_input

SURVIVED, KILLED, INVALID = "survived", "killed", "invalid"
# processor seconds of a check: so many times what it takes with sound code, and some on top
TIMES, EXTRA = 5, 10
MEMORY = 6 << 30


def _tensor(name: str | None = None, shape: Any = 0, dtype: str = "float64") -> Any:
    return make_input(
        TensorType(dtype, (None,) * shape if isinstance(shape, int) else tuple(shape)), name
    )


def nearest(mutant: Mutant) -> Iterator[Check]:
    """The tests of the very row or rule."""
    if ".rewrites." in mutant.module:
        for case in test_every_rule.CASES:
            if case.values[0].name == mutant.owner:
                yield Check(str(case.id), _returns(test_every_rule.test_rule, *case.values))
        return
    for row in elementwise.SMOOTH:
        if row == mutant.owner:
            for mode in (elementwise._chain, elementwise._forward):
                yield Check(row, _returns(elementwise.test_unary, row, mode, _tensor, evaluate))
    if mutant.owner in elementwise.PAIRS:
        name = mutant.owner
        yield Check(name, _returns(elementwise.test_binary, name, _tensor, evaluate))


def _returns(test: Callable[..., None], *args: Any) -> Callable[[], bool]:
    def passes() -> bool:
        test(*args)
        return True

    return passes


class Order:
    """Which checks may notice a mutant, the most promising ones first."""

    def __init__(self, checks: Iterable[Check], reach: dict[str, Reach]) -> None:
        self.checks = {check.name: check for check in checks}
        self.reach = reach
        self.of_place: dict[str, list[str]] = {}
        for name in self.checks:
            for place in reach[name].places:
                self.of_place.setdefault(place, []).append(name)
        self.kills: Counter[tuple[str, str]] = Counter()

    def of(self, mutant: Mutant) -> list[Check]:
        def promise(name: str) -> tuple[int, bool, float]:
            kills = self.kills[mutant.owner, name]
            return -kills, f"-{mutant.owner}-" not in name, self.reach[name].seconds

        pattern = re.compile(place_of(mutant))
        names = {n for place, of in self.of_place.items() if pattern.fullmatch(place) for n in of}
        return [self.checks[name] for name in sorted(names, key=promise)]


def survives(
    mutant: Mutant,
    checks: Iterable[Check],
    put: Callable[[Mutant], int] = install,
    limit: Callable[[str], float] = lambda name: 300,
    budget: float = 1e9,
) -> tuple[str, str]:
    """SURVIVED, KILLED or INVALID (nothing changed), and the check that killed it.

    A check that takes more than `limit` processor seconds kills too.  After `budget` seconds no
    further check is tried.
    """
    functions_of(mutant.module)  # looked for once, in the parent
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            silence()
            _child(mutant, checks, put, limit, budget, write)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read().splitlines()
    os.waitpid(child, 0)
    last = told[-1] if told else ""
    return (last, "") if last in (SURVIVED, INVALID) else (KILLED, last)


def _child(
    mutant: Mutant,
    checks: Iterable[Check],
    put: Callable[[Mutant], int],
    limit: Callable[[str], float],
    budget: float,
    write: int,
) -> None:
    def tell(text: str) -> None:
        os.write(write, f"{text}\n".encode())

    tell("the import")
    try:
        if not put(mutant):
            return tell(INVALID)
    except ValueError:
        return tell(INVALID)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    start = processor_time()
    for check in checks:
        tell(check.name)
        signal.setitimer(signal.ITIMER_PROF, limit(check.name))
        if not check.passes():
            return None
        if processor_time() - start > budget:
            break
    return tell(SURVIVED)
