"""`python -m tests.gradient.sparse_graphs [--graphs 500]`: random graphs, sparse and dense.

Of each graph the Jacobian and the Hessian of a cost made of it, in every way there is, against
the Jacobian row by row: dense ones forward and in reverse, sparse ones by terms and by each
colouring, whole and lower.  What has too few elements for its windows is drawn again, so as many
graphs are compared as were asked for.  By NumPy: nothing is compiled.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from gradient.test_sparse import a_graph, as_array
from gradient.test_structured import rows_of

import cgrad
import cgrad.tensor as ct
from cgrad.coloured_results import prepared
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.sparse.coloured import SYMMETRIC, WAYS, ColouredMatrix

# how often a graph is drawn until there are enough elements for it
DRAWS = 50


def mixed(rng, v, i):
    """Steps that have no rule of diagonals, and some that have."""
    n = v.shape[0]
    return rng.choice([
        lambda: ct.sin(v)[i % n],
        lambda: v * ct.tanh(v)[ct.arange(n)[::-1]],
        lambda: ct.inc_subtensor(v[i % n], ct.cos(i * 1.0)),
        lambda: ct.inc_subtensor((v * 2)[i % n], ct.exp(v[0])),
        lambda: ct.inc_subtensor(ct.zeros((n,))[i % n], ct.sin(v)[i[::-1] % n]),
        lambda: ct.set_subtensor(ct.sin(v)[i[0] % n], v[0] ** 2),
        lambda: ct.stack([v, v**2], axis=1).ravel()[::3],
        lambda: ct.sum(ct.reshape(ct.concatenate([v, v[::-1] ** 2]), (2, n)), axis=0),
        lambda: cgrad.scan(lambda a: a * ct.sin(a), v)[0],
        lambda: cgrad.scan(lambda a, b: a * b + b, [v, v[::-1]])[0],
        lambda: cgrad.scan(lambda a, s: 0.5 * s + a**2, v, outputs_info=[0.0])[0],
        lambda: cgrad.scan(lambda k, w: w[k % n] * w[0], i, non_sequences=[ct.sin(v)])[0],
        lambda: ct.cumsum(v),
        lambda: ct.sort(ct.sin(v)),
        lambda: ct.max(ct.stack([v, v[::-1]]), axis=0),
        lambda: v + ct.prod(ct.stack([v[:2], v[-2:]]), axis=0)[0],
        lambda: ct.dot(ct.tril(ct.outer(v, ct.ones_like(v))), ct.sin(v)),
        lambda: ct.diagonal(ct.outer(v, v[::-1])),
        lambda: cgrad.ifelse(v[0] > 0, ct.sin(v), v[::-1] * 2),
        lambda: v[1:] * v[:-1],
        lambda: ct.roll(v, 1) * v,
        lambda: (ct.stack([v, ct.cos(v)], axis=1)[i % n] ** 2).sum(axis=1),
    ])()  # fmt: skip


def a_mixed_graph(rng, x, i):
    v = x
    for _ in range(rng.randint(1, 3)):
        v = mixed(rng, v, i) if rng.random() < 0.7 else rng.choice([ct.sin, ct.tanh, ct.sqr])(v)
    return v


def by_numpy(J, given):
    """The matrix and its layout, as a compiled function would make them."""
    values, arguments, part = prepared(J, list(given), {})
    layout = part.layout(list(given.values()))
    (data,) = evaluate([values], {**given, **dict(zip(arguments, layout.arguments, strict=True))})
    return layout.matrix(data), layout


def alike(found, expected):
    """The same up to rounding, which grows where elements are found by subtractions."""
    scale = max(1.0, np.abs(expected).max(initial=0))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10 * scale)


def same_matrix(found, expected):
    assert found.has_canonical_format
    alike(found.toarray(), expected)


def drawn(seed):
    """A graph with at least one element, its wrt, values of its inputs, its Jacobian row by row."""
    for draw in range(DRAWS):
        rng = random.Random(f"{seed} {draw}")
        n = 3 + seed % 6
        known = n if seed % 2 else None
        x = ct.tensor("x", dtype="float64", shape=(known, 2) if seed % 5 == 4 else (known,))
        i = ct.lvector("i")
        rows = x[i % n] / ct.sum(x[i % n], axis=1)[:, None] if seed % 10 == 4 else x
        y = a_mixed_graph(rng, rows.ravel(), i) if seed % 3 else a_graph(rng, rows.ravel())
        numbers = np.random.default_rng([seed, draw])
        given = {
            x: numbers.uniform(0.2, 1, (n, 2)[: x.ndim]),
            i: numbers.integers(0, 50, n),
        }
        try:
            expected = evaluate([rows_of(y, x)], given)[0]
        except (ValueError, IndexError):
            continue
        if expected.size:
            return y, x, given, expected.reshape(len(expected), -1)
    raise AssertionError(f"{DRAWS} graphs of seed {seed} have too few elements for their windows")


def compare(seed):
    """What was compared for one graph; AssertionError where two ways differ."""
    y, x, given, expected = drawn(seed)
    options = {"disconnected_inputs": "ignore"}
    counts = Counter(graphs=1, operations=len(toposort([y])))
    size = expected.shape[1]

    def dense(forms):
        for found in evaluate(forms, given):
            alike(found.reshape(-1, size), expected)
            counts["dense"] += 1
            counts["elements"] += found.size

    def sparse(make, ways, wanted):
        for way in ways:
            J = make(colouring=way)
            if isinstance(J, ColouredMatrix):
                found, layout = by_numpy(J, given)
                assert way in (None, layout.way)
                counts[layout.way] += 1
            else:
                found = as_array(J, given)
                counts["terms"] += 1
            same_matrix(found, wanted)
            counts["sparse"] += 1
            counts["elements"] += wanted.size
            counts["stored"] += found.nnz

    dense([cgrad.jacobian(y, x, mode=mode, **options) for mode in ("auto", "forward", "reverse")])
    sparse(lambda **how: cgrad.jacobian(y, x, sparse=True, **options, **how),
           (None, *WAYS), expected)  # fmt: skip
    counts["non-zeros"] += np.count_nonzero(expected)

    slope = cgrad.grad(ct.sum(ct.sin(y) * y), x, **options)
    (expected,) = evaluate([rows_of(slope, x)], given)
    expected = expected.reshape(size, size)
    np.testing.assert_allclose(expected, expected.T, rtol=1e-8, atol=1e-9 * np.abs(expected).max())
    dense([cgrad.jacobian(slope, x, mode=mode, **options) for mode in ("forward", "reverse")])
    cost = ct.sum(ct.sin(y) * y)
    for lower in (False, True):
        wanted = np.tril(expected) if lower else expected
        sparse(lambda **how: cgrad.hessian(cost, x, sparse=True, lower=lower, **options, **how),  # noqa: B023
               (None, "column", *SYMMETRIC), wanted)  # fmt: skip
    counts["non-zeros"] += np.count_nonzero(expected)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    total, failed = Counter(), []
    for seed in range(asked.first, asked.first + asked.graphs):
        try:
            total += compare(seed)
        except Exception as error:
            failed.append(seed)
            print(f"seed {seed}: {type(error).__name__}: {error}", file=sys.stderr)
    for name in ("graphs", "operations", "elements", "non-zeros", "stored", "dense", "sparse"):
        print(f"{name:14} {total[name]:>10,}")
    for name in ("terms", *WAYS, *SYMMETRIC):
        print(f"  {name:12} {total[name]:>10,}")
    print(f"{'mismatches':14} {len(failed):>10,}  {failed or ''}")
    return bool(failed)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
