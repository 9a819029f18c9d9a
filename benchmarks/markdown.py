"""The tables of `docs/performance.md`: `python -m benchmarks.markdown results.json` prints them.

Reads what `python -m benchmarks --json` printed.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from benchmarks.report import show

OWN = {"cgrad": "cgrad", "cgrad-bound": "cgrad, bound", "c": "C by hand"}
PEERS = {
    "jax": "JAX", "pytensor-c": "PyTensor C", "pytensor-numba": "PyTensor numba",
    "torch": "torch", "numba": "numba", "casadi": "CasADi",
}  # fmt: skip


def _present(document: dict[str, Any], heads: dict[str, str]) -> dict[str, str]:
    """Those of the tools that were timed anywhere."""
    found = {
        one["tool"]
        for workload in document["workloads"].values()
        for one in workload["contenders"]
        if "median" in one
    }
    return {tool: head for tool, head in heads.items() if tool in found}


def run_times(document: dict[str, Any]) -> str:
    """Medians of every tool, and cgrad in relation to C and to the fastest other tool."""
    heads = _present(document, OWN | PEERS)
    lines = [
        f"| workload | {' | '.join(heads.values())} | cgrad / C | cgrad / best peer |",
        f"|---|{'---|' * (len(heads) + 2)}",
    ]
    gains = []
    for label, found in document["workloads"].items():
        timed = {one["tool"]: one for one in found["contenders"] if "median" in one}
        if "cgrad" not in timed:
            continue
        own = timed["cgrad"]["median"]
        times = [show(timed[tool]["median"]) if tool in timed else "" for tool in heads]
        to_c = timed["cgrad"].get("ratio to C")
        peers = [one["median"] for tool, one in timed.items() if tool in PEERS]
        to_peer = own / min(peers) if peers else None
        if to_peer is not None and "_sizes[" not in label:
            gains.append(to_peer)
        ratios = ["" if ratio is None else f"{ratio:.2f}" for ratio in (to_c, to_peer)]
        lines.append(f"| {label} | {' | '.join([*times, *ratios])} |")
    if gains:
        mean = math.exp(sum(map(math.log, gains)) / len(gains))
        lines.append(
            f"\nThe geometric mean of the last column is {mean:.2f} over {len(gains)} workloads; "
            "the size sweeps are not counted."
        )
    return "\n".join(lines)


def start_times(document: dict[str, Any]) -> str:
    """Medians from `function(...)` to ready, with an empty cache and warm."""
    tools = {"cgrad": "cgrad"} | _present(document, PEERS)
    heads = [f"{head}, {kind}" for head in tools.values() for kind in ("cold", "warm")]
    lines = [f"| workload | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for label, found in document["workloads"].items():
        starts = {one["tool"]: one["starts"] for one in found["starts"] if one["starts"]}
        cells = []
        for tool in tools:
            for kind in ("cold", "warm"):
                phases = starts.get(tool, {}).get(kind)
                cells.append(show(phases["compile"]["median"]) if phases else "")
        if any(cells):
            lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    results = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(run_times(results), start_times(results), sep="\n\n")
