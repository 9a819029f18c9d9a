"""`python -m tests.mutants [--sample N] [--seed K] [--only TEXT]`: which changes go unnoticed.

Small changes to the derivative rules (`cgrad/ops`) and the rewrite rules (`cgrad/rewrites`), one at
a time, against the checks that need no compiler.  Prints each survivor and the share killed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mutants.killers import INVALID, SURVIVED, survives, warm_up
from mutants.make import every
from mutants.same import EQUIVALENT


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--sample", type=int, help="so many, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="those whose description has this text")
    given = parser.parse_args()
    mutants = [m for m in every() if given.only in m.text]
    if given.sample:
        mutants = random.Random(given.seed).sample(mutants, min(given.sample, len(mutants)))
    warm_up()
    total: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    for mutant in mutants:
        if mutant.name in EQUIVALENT:
            total["equivalent"] += 1
            continue
        outcome = survives(mutant)
        if outcome == INVALID:
            total["not in force"] += 1
            continue
        kind = "rewrites" if ".rewrites." in mutant.module else "derivatives"
        total[kind] += 1
        killed[kind] += outcome != SURVIVED
        if outcome == SURVIVED:
            print(f"survived: {mutant.text}", flush=True)
    for kind in ("derivatives", "rewrites"):
        print(f"{kind}: {killed[kind]} of {total[kind]} killed")
    print(f"equivalent: {total['equivalent']}, without effect: {total['not in force']}")
    return 0 if sum(killed.values()) >= 0.95 * (total["derivatives"] + total["rewrites"]) else 1


if __name__ == "__main__":
    sys.exit(main())
