"""Times in relation to C by hand, one row per workload and one marker per tool.

`python -m benchmarks.plot results.json out.svg` draws what `--json` printed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

MARKERS = {
    "cgrad": ("o", "#c1272d", 9.0),
    "jax": ("s", "#3b6fb6", 6.0),
    "pytensor-c": ("^", "#6a4c93", 6.0),
    "pytensor-numba": ("v", "#9a7fb8", 6.0),
    "torch": ("D", "#e07b00", 5.0),
    "numba": ("P", "#2a9d8f", 6.0),
}


def draw(document: dict[str, Any], path: str) -> None:
    """Write the picture; the ending of the path says in which format. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    rows = {label: _ratios(found) for label, found in document["workloads"].items()}
    rows = {k: found for k, found in rows.items() if "cgrad" in found and "_sizes[" not in k}
    with pyplot.rc_context({"font.size": 9.0, "svg.hashsalt": "cgrad", "svg.fonttype": "none"}):
        figure, axes = pyplot.subplots(figsize=(8.0, 1.2 + 0.3 * len(rows)), layout="constrained")
        for tool, (marker, colour, size) in MARKERS.items():
            points = [(found[tool], y) for y, found in enumerate(rows.values()) if tool in found]
            if points:
                x, y = zip(*points, strict=True)
                front = 4 if tool == "cgrad" else 3
                axes.plot(
                    x, y, marker, color=colour, markersize=size, label=tool, zorder=front,
                    markeredgecolor="white", markeredgewidth=0.6,
                )  # fmt: skip
        axes.axvline(1.0, color="black", linewidth=1.0, zorder=2)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="both", color="#dddddd", linewidth=0.6, zorder=1)
        axes.set_axisbelow(True)
        axes.set_xlabel("run time in relation to C written by hand (smaller is better)")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(MARKERS), frameon=False,
            handletextpad=0.1, columnspacing=1.2,
        )  # fmt: skip
        metadata = {"Date": None} if path.endswith(".svg") else None
        figure.savefig(path, dpi=150, metadata=metadata)
        pyplot.close(figure)


def _ratios(found: dict[str, Any]) -> dict[str, float]:
    return {one["tool"]: one["ratio to C"] for one in found["contenders"] if "ratio to C" in one}


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), sys.argv[2])
