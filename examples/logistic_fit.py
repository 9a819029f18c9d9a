"""Penalised logistic regression on the Wisconsin breast-cancer data, through compiled derivatives.

The negative log-likelihood is written once, as symbols. One compiled function returns its value
and gradient, another the product of its Hessian and a vector; SciPy's `trust-ncg` needs no more.
The result is compared with scikit-learn's, and the norm of the gradient is plotted.

    python examples/logistic_fit.py             the fit
    python examples/logistic_fit.py --show-c    the generated C of both functions as well

Exit status 0 if the coefficients agree with scikit-learn's, 1 if they do not.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct

OUTPUT = Path(__file__).parent / "output"
AGREE = 1e-6  # the largest difference between two coefficients that counts as agreement
C = 1.0  # scikit-learn's name for the inverse strength of the penalty

Array = np.ndarray[Any, np.dtype[np.float64]]
Function = Any  # what cgrad.function returns


def load() -> tuple[Array, Array, list[str]]:
    """569 rows of 30 features, standardised; 1 for benign and 0 for malignant; feature names."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    features = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    return features, data.target.astype(float), [str(name) for name in data.feature_names]


def compile_functions(features: Array, labels: Array) -> tuple[Function, Function]:
    """theta -> (value, gradient), and (theta, p) -> Hessian times p.

    theta holds the weights of the features and, last, the intercept, which is not penalised. The
    data are shared variables: hidden arguments of the compiled code, not numbers in its text.
    """
    X = cgrad.shared(features, name="X")
    y = cgrad.shared(labels, name="y")
    theta, p = ct.dvectors("theta", "p")

    w, intercept = theta[:-1], theta[-1]
    z = X @ w + intercept
    likelihood = ct.sum(ct.softplus(z) - y * z)  # softplus(z) is log(1 + exp(z))
    cost = C * likelihood + ct.sum(w**2) / 2

    value_and_gradient = cgrad.function([theta], [cost, ct.grad(cost, theta)], name="logistic")
    product = cgrad.hessian_vector_product(cost, theta, p)
    hessian_product = cgrad.function([theta, p], product, name="logistic_hessp")
    return value_and_gradient, hessian_product


def compile_seconds(cache: str) -> float:
    """What `compile_functions` takes in a new process that uses this cache directory."""
    environment = {**os.environ, "CGRAD_CACHE_DIR": cache}
    command = [sys.executable, __file__, "--only-compile"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(result.stdout)


def timed_compile() -> float:
    features, labels, _ = load()
    start = time.perf_counter()
    compile_functions(features, labels)
    return time.perf_counter() - start


def scikit_learn(features: Array, labels: Array) -> Array:
    """The coefficients and, last, the intercept as scikit-learn fits them."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(features, labels)
    return np.append(model.coef_[0], model.intercept_)


def plot(norms: Array, path: Path) -> None:
    """The norm of the gradient over the iterations, on a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    path.parent.mkdir(exist_ok=True)
    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    axes.semilogy(range(len(norms)), norms, "o-", color="#1f4e79", markersize=5, linewidth=1.5)
    axes.set_xlabel("iteration of trust-ncg")
    axes.set_ylabel("norm of the gradient")
    axes.set_title("Logistic regression, 569 × 30 breast-cancer data", fontsize=11)
    axes.set_xticks(range(len(norms)))
    axes.grid(True, color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.annotate(
        f"{norms[-1]:.1e}",
        (len(norms) - 1, norms[-1]),
        xytext=(-8, 4),
        textcoords="offset points",
        ha="right",
        fontsize=9,
    )
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--show-c", action="store_true", help="print the generated C")
    parser.add_argument("--only-compile", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only_compile:
        print(timed_compile())
        return 0

    from scipy.optimize import minimize

    with tempfile.TemporaryDirectory(prefix="cgrad-example-") as cache:
        cold, warm = compile_seconds(cache), compile_seconds(cache)

    features, labels, names = load()
    value_and_gradient, hessian_product = compile_functions(features, labels)
    if args.show_c:
        print(value_and_gradient.c_source)
        print(hessian_product.c_source)

    steps: list[Array] = [np.zeros(features.shape[1] + 1)]
    start = time.perf_counter()
    result = minimize(
        value_and_gradient,
        steps[0],
        jac=True,
        hessp=hessian_product,
        method="trust-ncg",
        callback=lambda theta: steps.append(theta.copy()),
        options={"gtol": 1e-9},
    )
    seconds = time.perf_counter() - start

    expected = scikit_learn(features, labels)
    difference = float(np.abs(result.x - expected).max())
    print(f"{'':25}{'cgrad':>14}{'scikit-learn':>14}")
    for name, ours, theirs in zip([*names, "(intercept)"], result.x, expected, strict=True):
        print(f"{name:25}{ours:14.8f}{theirs:14.8f}")
    print(f"\nlargest difference   {difference:.1e}")
    print(f"cost                 {result.fun:.10f}")
    print(
        f"fit                  {seconds:.4f} s, {result.nit} iterations, "
        f"{result.nfev} gradients, {result.nhev} Hessian products"
    )
    print(f"compile, cold        {cold:.3f} s  (empty cache, two functions)")
    print(f"compile, warm        {warm:.3f} s  (the same in a new process)")

    path = OUTPUT / "logistic_fit.png"
    plot(np.array([np.linalg.norm(value_and_gradient(theta)[1]) for theta in steps]), path)
    print(f"convergence plot     {path}")

    if not (result.success and difference <= AGREE):
        print(f"FAILED: {result.message}; largest difference {difference:.1e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
