"""What a test is given, and what it answers with.

Responsible for: the sizes of the quick and the full form, the place to work in, counting, and
the shape of a result. Not responsible for finding and running tests (``__main__``).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Plan", "Result"]

T = TypeVar("T")

_SHOWN_PROBLEMS = 5


@dataclass(slots=True)
class Plan:
    """How much to do, and where.

    ``part`` of the full counts is done in the full form. ``folder`` is an empty directory that
    is removed afterwards. ``seed`` makes what is drawn at random the same in each run.
    """

    full: bool
    folder: Path
    seed: int = 0
    part: float = 1.0

    def count(self, quick: int, full: int) -> int:
        """How often to do something: the first number in the quick form."""
        return max(quick, round(full * self.part)) if self.full else quick

    def size(self, quick: int, full: int) -> int:
        """How large something is: not made smaller by ``part``."""
        return full if self.full else quick

    def share(self, everything: Sequence[T], quick: int) -> list[T]:
        """Which of all trials to do, in their order: a few in the quick form.

        With a part of 1 / n in the full form seeds 0 to n - 1 do all of them, each its own.
        """
        places = random.Random(0).sample(range(len(everything)), len(everything))
        if self.full:
            first, last = (round(len(places) * self.part * (self.seed + k)) for k in (0, 1))
            chosen = places[first:last]
        else:
            chosen = self.random().sample(places, min(quick, len(places)))
        return [everything[place] for place in sorted(chosen)]

    def random(self, *salt: int) -> random.Random:
        """Random numbers of this seed; those of different salts differ."""
        return random.Random(repr((self.seed, *salt)))


@dataclass(slots=True)
class Result:
    """What one test of one tool found.

    ``done`` counts what was tried, by words that read well after the number ("calls"). A failure
    is an exception, a crash, a hang or a broken promise; wrong is a number that is not the right
    one and of which nobody was told. ``problems`` describes them, and ``notes`` says what else a
    reader must know. ``skipped`` says why nothing was tried here.
    """

    done: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    wrong: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: str = ""
    name: str = ""
    tool: str = "cgrad"
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def add(self, what: str, number: int = 1) -> None:
        """Count something that was done."""
        self.done[what] = self.done.get(what, 0) + number

    def fail(self, problem: str) -> None:
        """Count a failure."""
        self.failures += 1
        self.problems.append(problem)

    def mistake(self, problem: str) -> None:
        """Count a wrong number."""
        self.wrong += 1
        self.problems.append(problem)

    def expect(self, right: bool, problem: str) -> None:
        """Count a failure unless something is as it must be."""
        if not right:
            self.fail(problem)

    @property
    def verdict(self) -> str:
        if self.skipped:
            return "skipped"
        return "FAILED" if self.failures or self.wrong else "ok"

    @property
    def line(self) -> str:
        """The one line."""
        head = f"{self.name:24} {self.tool:10} {self.verdict:8}"
        if self.skipped:
            return f"{head} {self.skipped}"
        done = ", ".join(
            f"{number:,} {what}".replace(",", " ") for what, number in self.done.items()
        )
        tail = f"{self.failures} failures, {self.wrong} wrong, "
        tail += f"{self.seconds:.0f} s, {self.cpu_seconds:.1f} s of CPU"
        notes = "".join(f"; {note}" for note in self.notes)
        return f"{head} {done}: {tail}{notes}"

    @property
    def details(self) -> list[str]:
        """The first of the problems."""
        shown = self.problems[:_SHOWN_PROBLEMS]
        more = len(self.problems) - len(shown)
        return [*shown, *([f"and {more} more"] if more else [])]

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "tool": self.tool,
            "done": self.done,
            "failures": self.failures,
            "wrong": self.wrong,
            "problems": self.problems,
            "notes": self.notes,
            "skipped": self.skipped,
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
        }
