"""What notices a mutant: tests without a compiler, each of them alone.

Responsible for: which tests these are, running one of them in this process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fuzz.graphs import INTERPRETED, Graph, errors
from fuzz.tape import Ambiguous

TESTS = Path(__file__).resolve().parents[1]
FILES = (
    "test_every_rule.py", "rewrites", "test_golden.py", "core/test_derive.py", "test_orders.py",
    "ops/test_elementwise_derivatives.py", "ops/test_structure_derivatives.py", "gradient",
)  # fmt: skip
FIRST_SEED = 30_000
GATE = 16


class Check(NamedTuple):
    name: str
    passes: Callable[[], bool]


class _Loop:
    """A pytest plugin: the tests are collected, and `body` decides what runs."""

    def __init__(self, body: Callable[[list[Check]], None]) -> None:
        self.body = body
        self.failed = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.body([Check(item.nodeid, lambda i=item: self.passes(i)) for item in session.items])
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.failed |= report.failed

    def passes(self, item: pytest.Item) -> bool:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self.failed


def with_checks(
    body: Callable[[list[Check]], None], files: Sequence[str] = FILES, graphs: int = 150
) -> int:
    """Call `body` with the checks, inside of a pytest session; the exit code of that."""
    os.environ["CI"] = "1"  # the same examples each time
    options = [
        "-s",
        "-o",
        "addopts=",
        *(f"-pno:{x}" for x in ("cacheprovider", "xdist", "terminal")),
    ]
    seeds = _seeds(graphs)
    return int(
        pytest.main(
            [*options, *(str(TESTS / name) for name in files)],
            plugins=[_Loop(lambda items: body([*items, *seeds]))],
        )
    )


def _seeds(count: int) -> list[Check]:
    """Random graphs with what the oracle says, made before the first mutant."""
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        graph = Graph(seed)
        with contextlib.suppress(Ambiguous):
            run, want = graph.oracle()[:2]
            for way in ("as written", "expanded"):
                found.append(Check(f"graph {seed} {way}", _seed(seed, run, want, way)))
    return found


def _seed(seed: int, run: Any, want: Any, way: str) -> Callable[[], bool]:
    def passes() -> bool:
        graph = Graph(seed)
        found = errors(graph, run, want, INTERPRETED[way](graph))
        return not found.wrong and found.worst <= GATE

    return passes
