"""Without a C compiler NumPy computes, says so once, and checks as much as C does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import numpy as np, cgrad, cgrad.tensor as ct
x = ct.dvector("x")
cost = ct.sum(ct.log1p(ct.exp(x)) ** 2)
f = cgrad.function([x], [cost, ct.grad(cost, x)])
g = cgrad.function([x], ct.cumsum(x))
print(f([0.0, 800.0])[1].tolist(), g([1.0, 2.0]).tolist(), f)
try:
    cgrad.function([x], cgrad.jacobian(x * 2, x, sparse=True, colouring="column"))
except cgrad.errors.NoCompilerError as error:
    print(error)
"""


def run(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(ROOT), "PATH": "/nonexistent",
        "CGRAD_CACHE_DIR": str(folder), **settings,
    }  # fmt: skip
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_a_machine_without_a_compiler(tmp_path: Path) -> None:
    try:
        import ziglang  # noqa: F401

        pytest.skip("this Python has a compiler of its own")
    except ImportError:
        pass
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[0.6931471805599453, 1600.0] [1.0, 3.0] <interpreted f(")
    assert "sparse results by colours need loops in C" in done.stdout
    assert done.stderr.count("no C compiler was found") == 1
    assert done.stderr.count("CgradWarning") == 1
    assert not list(tmp_path.rglob("*.so"))
    done = run(tmp_path, CGRAD_INTERPRET="always")
    assert done.returncode == 0 and not done.stderr
    for settings in ({"CGRAD_INTERPRET": "never"}, {"CGRAD_CC": "/no/such/cc"}):
        done = run(tmp_path, **settings)
        assert done.returncode == 1 and "NoCompilerError" in done.stderr


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGRAD_INTERPRET", "always")


def test_results_and_state(interpreted: None) -> None:
    x, total = ct.dvector("x"), cgrad.shared(np.zeros(2), "total")
    f = cgrad.function([x], {"sum": ct.sum(x), "twice": 2 * x}, updates=[(total, total + x)])
    x0 = np.array([1.0, 2.0])
    assert f(x0)["twice"].tolist() == [2, 4] and f(x0)["sum"] == 3
    assert total.get_value().tolist() == [2, 4] and x0.tolist() == [1, 2]
    out = np.empty(2)
    g = cgrad.function([x], x + 1)
    assert g(x0, out=out) is out and out.tolist() == [2, 3]
    step = g.bind(x0, out=x0)
    step()
    assert step() is x0 and x0.tolist() == [3, 4]
    assert "none: computed op by op with NumPy" in g.explain(x0)
    assert "static int64_t f(" in g.c_source


def test_mistakes_are_the_same_errors(interpreted: None) -> None:
    x, y, k = ct.dvector("x"), ct.dvector("y"), ct.lscalar("k")
    f = cgrad.function([x, y], x + y)
    with pytest.raises(cgrad.ShapeError, match=r"axis 0 of y has size 1, expected 3"):
        f(np.ones(3), np.ones(1))
    with pytest.raises(cgrad.IndexBoundsError, match="index 3 is out of bounds for axis 0"):
        cgrad.function([x, k], x[k])(np.ones(3), 3)
    at = ct.lvector("at")
    with pytest.raises(cgrad.IndexBoundsError, match="5 is out of bounds"):
        cgrad.function([x, at], x[at])(np.ones(3), [0, 5])
    with pytest.raises(cgrad.ShapeError):
        cgrad.function([x, y], x[x > 0] + y)(np.array([1.0, -1.0, 2.0]), np.ones(1))


def test_loops(interpreted: None) -> None:
    n, a = ct.lscalar("n"), ct.dscalar("a")
    rows, _ = cgrad.scan(
        lambda q: (a * q, ct.until(q > 5)), outputs_info=[ct.constant(1.0)], n_steps=n
    )
    f = cgrad.function([n, a], [rows, ct.grad(rows.sum(), a)])
    values, slope = f(10, 2.0)
    assert values.tolist() == [2, 4, 8, 16]
    assert slope == 1 + 2 * 2 + 3 * 4 + 4 * 8
    assert f(0, 2.0)[0].shape == (0,)


def test_python_functions(interpreted: None) -> None:
    """They are called as in C: with arrays of their own, their results checked."""
    seen = []

    @cgrad.wrap_py(ct.dvector, [ct.dvector, ct.dscalar], infer_shape=lambda v: [v, ()],
                   pullback=lambda xs, ys, cts: [2.0 * xs[0] * cts[0] + cts[1]])  # fmt: skip
    def squares(v: np.ndarray) -> tuple[np.ndarray, float]:
        seen.append(v.copy())
        v *= v
        return v, np.sqrt(v).sum()

    x = ct.dvector("x")
    both, total = squares(x)
    steps = cgrad.scan(lambda s: squares(s)[0], outputs_info=[x], n_steps=2, return_updates=False)
    f = cgrad.function([x], [both, total, ct.grad(both.sum(), x), steps[-1]])
    x0 = np.array([1.0, 3.0])
    assert [v.tolist() for v in f(x0)] == [[1, 9], 4, [2, 6], [1, 81]]
    assert x0.tolist() == [1, 3] and [v.tolist() for v in seen] == [[1, 3], [1, 3], [1, 9]]

    @cgrad.wrap_py(ct.dvector, ct.dvector, infer_shape=lambda v: v)
    def longer(v: np.ndarray) -> np.ndarray:
        return np.append(v, 0.0)

    with pytest.raises(
        cgrad.ShapeError, match=r"longer: result 1 has shape \(3,\), expected \(2,\)"
    ):
        cgrad.function([x], longer(x))(x0)
