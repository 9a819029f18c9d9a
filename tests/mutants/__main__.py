"""`python -m tests.mutants [--sample N] [--only TEXT] [--log FILE]`: which changes go unnoticed.

Small changes to the derivative rules (`cgrad/ops`) and the rewrite rules (`cgrad/rewrites`), one at
a time, against the checks that need no compiler.  Prints each survivor and the share killed.

With a log a run that was stopped goes on where it was, and what each check comes to is measured
once.  A log from before a change of the code may let mutants survive that a new one would not.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mutants.checks import FILES, Check, with_checks
from mutants.killers import EXTRA, INVALID, KILLED, SURVIVED, TIMES, Order, survives
from mutants.make import Mutant, every
from mutants.reach import Reach, measure
from mutants.same import EQUIVALENT


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--sample", type=int, help="so many, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="those whose description has this text")
    parser.add_argument("--part", default="1/1", help="K/N: every Nth, from the Kth on")
    parser.add_argument("--log", type=Path, help="a file that a later run goes on with")
    parser.add_argument("--again", action="store_true", help="survivors of the log once more")
    parser.add_argument("--budget", type=float, default=1e9, help="processor seconds of a mutant")
    parser.add_argument("--files", nargs="+", default=FILES, help="of tests that may notice")
    parser.add_argument("--graphs", type=int, default=150, help="random graphs that may notice")
    given = parser.parse_args()
    part, parts = map(int, given.part.split("/"))
    mutants = [m for m in every() if given.only in m.text][part - 1 :: parts]
    if given.sample:
        mutants = random.Random(given.seed).sample(mutants, min(given.sample, len(mutants)))
    shares: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        log = given.log or Path(folder) / "log"
        code = with_checks(
            lambda checks: shares.append(_run(mutants, checks, log, given)),
            given.files, given.graphs,
        )  # fmt: skip
    return code or int(shares[0] < 0.95)


def _run(mutants: list[Mutant], checks: list[Check], log: Path, given: Any) -> float:
    """The share killed."""
    reach, done = _read(log)
    measure([check for check in checks if check.name not in reach], log)
    reach, done = _read(log)
    order = Order(checks, reach)
    total: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    for mutant in mutants:
        if mutant.name in EQUIVALENT:
            total["equivalent"] += 1
            continue
        outcome = done.get(mutant.key)
        if outcome is None or (given.again and outcome == SURVIVED):
            outcome, by = survives(
                mutant, order.of(mutant), budget=given.budget,
                limit=lambda name: TIMES * reach[name].seconds + EXTRA if name in reach else EXTRA,
            )  # fmt: skip
            order.kills[mutant.owner, by] += outcome == KILLED
            with log.open("a") as file:
                file.write(json.dumps({"mutant": mutant.key, "outcome": outcome, "by": by}) + "\n")
        if outcome == INVALID:
            total["not in force"] += 1
            continue
        module = mutant.module.removeprefix("cgrad.")
        total[module] += 1
        killed[module] += outcome == KILLED
        if outcome == SURVIVED:
            print(f"survived: {mutant.text}", flush=True)
    for module in sorted(set(total) - {"equivalent", "not in force"}):
        print(f"{module}: {killed[module]} of {total[module]} killed")
    print(f"equivalent: {total.pop('equivalent', 0)}, no effect: {total.pop('not in force', 0)}")
    share = sum(killed.values()) / max(sum(total.values()), 1)
    print(f"all: {sum(killed.values())} of {sum(total.values())} killed, {share:.1%}")
    return share


def _read(log: Path) -> tuple[dict[str, Reach], dict[str, str]]:
    """What the checks come to, and what became of mutants."""
    reach, done = {}, {}
    for line in log.read_text().splitlines() if log.exists() else ():
        told = json.loads(line)
        if "check" in told:
            reach[told["check"]] = Reach(told["seconds"], frozenset(told["places"]))
        elif "mutant" in told:
            done[told["mutant"]] = told["outcome"]
    return reach, done


if __name__ == "__main__":
    sys.exit(main())
