"""Loops of the same steps become one loop."""

from __future__ import annotations

import numpy as np

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import substitute, toposort
from cgrad.rewrites import simplify


def test_copies_of_a_loop_for_other_arguments() -> None:
    """They share the body, and so its parameters; what one adds to the carry is not the other's."""
    x, a, b = ct.dvector("x"), ct.dvector("a"), ct.dvector("b")
    rows, _ = cgrad.scan(
        lambda h, t, x, a: (ct.sin(h * x), t * ct.cos(h) + a),
        outputs_info=[ct.ones_like(x), ct.zeros_like(x)], non_sequences=[x, a], n_steps=3,
    )  # fmt: skip
    (other,) = substitute([rows[1]], {a: b})
    outputs = [rows[1], other]
    rng = np.random.default_rng(0)
    given = {node: rng.normal(size=4) for node in (x, a, b)}
    new = simplify(outputs)
    assert sum(node.op.name == "scan" for node in toposort(new)) == 1
    for found, wanted in zip(evaluate(new, given), evaluate(outputs, given), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-14)
