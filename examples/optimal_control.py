"""A pendulum is swung up in the least effort: direct collocation with sparse derivatives.

Angle, velocity and torque at all times are unknowns; the equations of motion between neighbouring
times, by the trapezoidal rule, are constraints (J. T. Betts, Practical Methods for Optimal Control,
2010, chapter 4).  Each couples neighbours only: Jacobian and Hessian are banded, and `sparse=True`
computes nothing else. The result is checked by integrating the pendulum with the torque found.

    python examples/optimal_control.py          # 40 steps of time
    python examples/optimal_control.py 666      # 2001 unknowns

`python -m benchmarks.optimal_control` measures it beside CasADi's derivatives in the same solver.
Exit status 0 if the solver converged and the integrated pendulum ends upright, 1 if not.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import cgrad.tensor as ct
from cgrad import optimize

OUTPUT = Path(__file__).parent / "output"
STEPS = 40  # of time, unless another number is on the command line
END = 3.0  # seconds
GRAVITY = 9.81  # g / l
DAMPING = 0.1
UPRIGHT = 0.1  # rad: how far the integrated pendulum may be from upright
# of trust-constr
METHOD: dict[str, Any] = {
    "method": "trust-constr",
    "options": {"gtol": 1e-6, "xtol": 1e-10, "maxiter": 200},
}

Array = np.ndarray[Any, np.dtype[np.float64]]


def acceleration(angle: Any, velocity: Any, torque: Any, sin: Any = ct.sin) -> Any:
    return torque - GRAVITY * sin(angle) - DAMPING * velocity


def collocated(q: Any, v: Any, u: Any, h: float, sin: Any) -> list[Any]:
    """What has to be zero: the equations of motion between times, and the state at both ends."""
    a = acceleration(q, v, u, sin)
    return [
        q[1:] - q[:-1] - h / 2 * (v[1:] + v[:-1]),
        v[1:] - v[:-1] - h / 2 * (a[1:] + a[:-1]),
        *(q[:1], v[:1], q[-1:] - np.pi, v[-1:]),
    ]


def effort(u: Any, h: float) -> Any:
    """The integral of the squared torque, by the trapezoidal rule too."""
    return h / 2 * (u[1:] @ u[1:] + u[:-1] @ u[:-1])


def guess(steps: int) -> list[Array]:
    n = steps + 1
    return [np.linspace(0, np.pi, n), np.full(n, np.pi / END), np.zeros(n)]


def solve(steps: int) -> Any:
    """SciPy's result; its x is [angles, velocities, torques] at steps + 1 times."""
    h = END / steps
    q, v, u = (ct.tensor(name, shape=(steps + 1,)) for name in "qvu")
    motion = ct.concatenate(collocated(q, v, u, h, ct.sin))
    return optimize.minimize(
        effort(u, h),
        [q, v, u],
        guess(steps),
        sparse=True,
        constraints=optimize.Constraint(motion, 0.0, 0.0),
        **METHOD,
    )


def swing(torques: Array) -> Array:
    """The angle at the end of a pendulum that is driven by these torques, linear in between."""
    t, q, v = ct.dscalars("t", "q", "v")
    steps = len(torques) - 1
    x, times = t / END * steps, np.arange(steps + 1.0)
    torque = ct.sum(ct.maximum(0.0, 1 - abs(x - times)) * torques)
    rhs = [v, acceleration(q, v, torque)]
    found = optimize.solve_ivp(
        rhs, t, [q, v], (0.0, END), [0.0, 0.0], method="BDF", rtol=1e-7, max_step=END / steps
    )
    angle: Array = found.y[0]
    return angle


def plot(result: Any, path: Path) -> None:
    """Angle and torque over time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    path.parent.mkdir(exist_ok=True)
    times = np.linspace(0, END, len(result.x[0]))
    figure, rows = plt.subplots(2, 1, figsize=(6.4, 4.8), sharex=True, layout="constrained")
    for axes, values, name in zip(rows, result.x[::2], ("angle / rad", "torque"), strict=True):
        axes.plot(times, values, ".-", color="#1f4e79")
        axes.set_ylabel(name)
        axes.grid(True, color="#dddddd", linewidth=0.7)
    rows[0].axhline(np.pi, color="#b03a2e", linestyle="--", linewidth=1)
    rows[0].annotate("upright", (0, np.pi), (2, -12), textcoords="offset points", color="#b03a2e")
    rows[1].set_xlabel("time / s")
    rows[0].set_title("A pendulum swung up in the least effort", fontsize=11)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> int:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else STEPS
    result = solve(steps)
    angle = float(swing(result.x[2])[-1])
    print(f"unknowns             {3 * (steps + 1)}")
    print(f"effort               {result.fun:.4f}")
    print(f"largest violation    {result.constr_violation:.1e}")
    print(f"iterations           {result.nit} of trust-constr, {result.problem.calls}")
    print(f"angle at the end     {angle:.4f} integrated with this torque, upright is {np.pi:.4f}")
    path = OUTPUT / "optimal_control.png"
    plot(result, path)
    print(f"picture              {path}")
    good = result.constr_violation < 1e-6 and abs(angle - np.pi) < UPRIGHT
    if not good or result.status not in (1, 2):
        print(f"FAILED: {result.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
