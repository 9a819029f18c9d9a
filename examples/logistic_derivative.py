"""The logistic function and its derivative, computed by cgrad and plotted.

    python examples/logistic_derivative.py

Prints the derivative as written and as simplified, and the C that computes both curves.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import cgrad
import cgrad.tensor as ct

OUTPUT = Path(__file__).parent / "output"


def computation(c_source: str) -> str:
    """The function that computes, without the runtime before and the interface after it."""
    start = c_source.index("static int64_t logistic(")
    return c_source[start : c_source.index("\n}\n", start) + 3]


def main() -> int:
    x = ct.dvector("x")
    s = 1 / (1 + ct.exp(-x))
    slope = ct.grad(s.sum(), x)  # element i of the sum depends on x[i] only
    f = cgrad.function([x], [s, slope], name="logistic")
    print("as written:   ", cgrad.pp(slope))
    print("as simplified:", cgrad.pp(f.maker.fgraph.outputs[1]))
    print(computation(f.c_source))

    points = np.linspace(-6, 6, 601)
    value, derivative = f(points)
    exact = 0.25 / np.cosh(points / 2) ** 2
    error = float(np.abs(derivative - exact).max())
    print(f"largest difference from 1 / (4 cosh(x/2)^2): {error:.1e}")

    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    axes.plot(points, value, color="#1f4e79", linewidth=2)
    axes.plot(points, derivative, color="#c0392b", linewidth=2)
    axes.text(2.1, 0.94, r"$s(x) = 1 / (1 + e^{-x})$", color="#1f4e79", ha="right")
    axes.text(1.75, 0.16, r"$s'(x) = s(x)\,(1 - s(x))$", color="#c0392b")
    axes.plot([0, 0], [0, 0.25], color="#999999", linewidth=0.8, linestyle=":")
    axes.annotate(
        "steepest at 0: 1/4", (0, 0.25), xytext=(1.6, 0.34), va="center",
        arrowprops={"arrowstyle": "-", "color": "#999999"}, color="#555555",
    )  # fmt: skip
    axes.set_xlabel("x")
    axes.set_xlim(-6, 6)
    axes.set_ylim(0, 1.02)
    axes.set_title("The logistic function and its derivative", fontsize=11)
    axes.grid(True, color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    OUTPUT.mkdir(exist_ok=True)
    path = OUTPUT / "logistic_derivative.png"
    figure.savefig(path, dpi=150)
    print(f"plot: {path}")
    return 0 if error < 1e-15 else 1


if __name__ == "__main__":
    sys.exit(main())
