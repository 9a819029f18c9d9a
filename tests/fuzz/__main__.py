"""`python -m tests.fuzz [--graphs 10000] [--first 0] [--wide] [--log FILE]`: graphs and the oracle.

Every graph by the interpreter (as written, rewritten, expanded), and one batch in `--every` by
compiled C: in turn with -O1, which is quicker, with cgrad's own flags, and without the rewrites.
With `--way threads` every loop that can be shared out among threads is.  With `--wide` axes have up
to 70 elements: lengths around those of vectors, rows and blocks.
Each batch is a line of the log; a run that was stopped goes on after the last line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from fuzz.graphs import INTERPRETED, KINDS, Graph, compiled, complex_step_errors, errors
from fuzz.tape import Ambiguous

from cgrad.errors import RewriteError

PER_KERNEL = 25
WAYS = ("-O1", "own flags", "plain")
THREADS = 4
# units of the bound; twice what a complex step is off on the same graphs is less
GATE = 16
EDGES = [0, 0.5, 1, 2, 4, 16, 64, 256, 1024, 4096]


def batch(first: int, way: str | None, wide: bool) -> dict[str, Any]:
    """What `PER_KERNEL` graphs show; `way`: how they are compiled, None: not at all."""
    counts: Counter[str] = Counter()
    ulps = {kind: [0] * (len(EDGES) + 1) for kind in KINDS}
    largest: list[tuple[float, str]] = []
    notes: list[str] = []
    steps_worst = 0.0
    cases = []
    for seed in range(first, first + PER_KERNEL):
        graph = Graph(seed, wide)
        try:
            run, want, steps = graph.oracle()
        except Ambiguous:
            counts["decided by rounding"] += 1
            continue
        counts["graphs"] += 1
        counts["scalars"] += len(run.tape.values)
        steps_worst = max([steps_worst, *complex_step_errors(graph, run, want, steps)])
        cases.append((graph, run, want))

    def look(name: str, graph: Graph, run: Any, want: Any, got: Sequence[np.ndarray]) -> None:
        found = errors(graph, run, want, got)
        counts["wrong dtype, shape or integer"] += len(found.wrong)
        counts["undefined"] += found.undefined
        counts["graphs beyond 16 units"] += found.worst > GATE
        notes.extend(f"{name}: {text}" for text in found.wrong)
        largest.append((found.worst, f"{name}: seed {graph.seed}"))
        for kind in KINDS:
            counts[f"floats ({kind})"] += len(found.ulps[kind])
            if name == "C":
                for bin in np.searchsorted(EDGES, found.ulps[kind]):
                    ulps[kind][bin] += 1

    for name, compute in INTERPRETED.items():
        for case in cases:
            try:
                look(name, *case, compute(case[0]))
            except Exception as error:
                rules = isinstance(error, RewriteError) or "rewrite" in name
                counts["rewrite exceptions" if rules else "other exceptions"] += 1
                notes.append(f"{name}, seed {case[0].seed}: {traceback.format_exc(limit=-4)}")
    try:
        threads = THREADS if way == "threads" else 1
        graphs = [graph for graph, _, _ in cases]
        found = compiled(graphs, way == "plain", threads) if way else []
    except Exception:
        counts["other exceptions"] += 1
        notes.append(f"C, seeds {first}+{PER_KERNEL}: {traceback.format_exc(limit=-4)}")
    else:
        counts[f"graphs in C, {way}"] += len(found)
        for case, got in zip(cases, found, strict=False):
            look("C", *case, got)
    largest.sort(reverse=True)
    return {"first": first, "counts": counts, "ulps": ulps, "largest": largest[:5],
            "complex step": steps_worst, "notes": notes}  # fmt: skip


def report(lines: Sequence[dict[str, Any]]) -> tuple[str, bool]:
    """What all batches found, and whether nothing is wrong."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line["counts"])
    steps = [line["complex step"] for line in lines]
    largest = sorted((tuple(pair) for line in lines for pair in line["largest"]), reverse=True)
    beyond = [pair for pair in largest if pair[0] > GATE]
    text = [f"{name:32}{count}" for name, count in sorted(counts.items())]
    # information only: a step that overflows says nothing about what others may be off
    within = [step for step in steps if step <= GATE]
    text.append(f"{'complex step, largest':32}{max(within, default=0):.3g} units; gate {GATE}")
    text.append(f"{'complex step beyond it':32}{len(steps) - len(within)} of {len(steps)} batches")
    text.append(f"{'largest':32}{largest[0][0]:.3g} units, {largest[0][1]}")
    text += [f"{'beyond the gate':32}{error:.3g} units, {where}" for error, where in beyond[:20]]
    text.append("ULP of compiled C | " + " | ".join(["0", *(f"<= {e}" for e in EDGES[1:]), "more"]))
    for kind in KINDS:
        bins = np.sum([line["ulps"][kind] for line in lines], axis=0)
        text.append(
            f"{kind} | " + " | ".join(f"{100 * b / max(1, bins.sum()):.2f} %" for b in bins)
        )
    notes = [note for line in lines for note in line["notes"]]
    return "\n".join([*text, *notes[:20]]), not (beyond or notes)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--graphs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--every", type=int, default=1, help="compile one batch in so many")
    parser.add_argument("--way", choices=[*WAYS, "threads"], help="compile in this way only")
    parser.add_argument("--wide", action="store_true", help="axes of up to 70 elements")
    parser.add_argument("--log", type=Path, help="a file of results, read first and added to")
    given = parser.parse_args()
    log = given.log or Path(tempfile.mkdtemp()) / "fuzz.jsonl"
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    known = {line["first"] for line in done}
    os.environ["CGRAD_CACHE"] = "off"
    own = os.environ.get("CGRAD_CFLAGS", "")
    for k, first in enumerate(range(given.first, given.first + given.graphs, PER_KERNEL)):
        if first in known:
            continue
        way = given.way or WAYS[k // given.every % len(WAYS)]
        if k % given.every:
            way = None
        os.environ["CGRAD_CFLAGS"] = own if way == "own flags" else f"{own} -O1"
        line = batch(first, way, given.wide)
        done.append(line)
        with log.open("a") as out:
            out.write(json.dumps(line) + "\n")
    text, good = report(done)
    print(text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
