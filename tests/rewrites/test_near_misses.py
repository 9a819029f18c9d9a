"""Examples of rules with something put between two nodes keep their value.

Turned round, one row repeated, transposed, negated or one more: a rule that does not look closely
at an argument takes it for the plain one.  A few of the changes are drawn for each example; as
many as CGRAD_NEAR_MISSES says, where that is set.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import test_every_rule
from rewrites.single import NAMED

from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import derived, substitute, toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.rewrite import Rule
from cgrad.ops.axes import broadcast_axes, permute_axes
from cgrad.ops.jacobian import BySizes, Jacobian, SymmetricProduct
from cgrad.ops.linalg import Valued
from cgrad.ops.windows import part, run
from cgrad.rewrites import expand, simplify

# their arguments are forms of one value, which a change to one of them leaves without a meaning
SEVERAL_FORMS = (BySizes, Jacobian, SymmetricProduct, Valued)
DRAWN = int(os.environ.get("CGRAD_NEAR_MISSES", "3"))
SHAPES = {"s": (), "mat": (3, 3)}


def changes(x: Node) -> Iterator[Node]:
    """Other tensors of the same shape and dtype."""
    for axis, n in enumerate(x.dims):
        yield run(x, axis, n - 1, n, -1)
        first = part(x, axis, 0, tuple(1 if k == axis else m for k, m in enumerate(x.dims)))
        yield broadcast_axes(first, x.dims, tuple(range(x.ndim)))
    if x.ndim == 2 and x.dims[0] == x.dims[1]:
        yield permute_axes(x, (1, 0))
    if x.dtype == "float64":
        yield -x
        yield x + 1.0


def variants(out: Node) -> list[Node]:
    """The graph with one argument of one node changed."""
    found = []
    for node in toposort([out]):
        for position, arg in enumerate(node.args):
            if not isinstance(node.type, TensorType) or not isinstance(arg.type, TensorType):
                continue
            for new in changes(arg):
                args = (*node.args[:position], new, *node.args[position + 1 :])
                changed = derived(node, node.op, args)
                if (changed.dims, changed.dtype) == (node.dims, node.dtype):
                    found += substitute([out], {node: changed})
    return found


def of_example(example: Any, rng: np.random.Generator) -> tuple[Node, dict[Node, Any]]:
    given: dict[Node, Any] = {}
    for name in test_every_rule.names_of(example):
        shape = SHAPES.get(name, (3,))
        dtype = "int64" if name in "ij" else "bool" if name in "pq" else "float64"
        value = rng.normal(size=shape) if dtype == "float64" else rng.integers(0, 2, shape)
        if shape == (3, 3):
            value = value @ value.T + np.eye(3)  # positive definite
        known = shape if rng.random() < 0.5 else (None,) * len(shape)
        given[make_input(TensorType(dtype, known), name)] = value.astype(dtype)
    return example(*given), given


@pytest.mark.parametrize("rule", NAMED.values(), ids=NAMED)
def test_near_misses_keep_their_value(rule: Rule) -> None:
    rng = np.random.default_rng(zlib.crc32(rule.name.encode()))
    for example in rule.examples:
        with np.errstate(all="ignore"):
            out, given = of_example(example, rng)
        if any(isinstance(node.op, SEVERAL_FORMS) for node in toposort([out])):
            continue
        found = variants(out)
        chosen = rng.choice(len(found), min(DRAWN, len(found)), replace=False) if found else []
        for variant in (found[k] for k in chosen):
            with np.errstate(all="ignore"):
                try:
                    (want,) = evaluate([variant], given)
                except (IndexError, ValueError, np.linalg.LinAlgError):
                    continue  # not a matrix that can be factored, an index out of bounds
                plain = simplify([variant])
                results = [*evaluate(plain, given), *evaluate(expand(plain), given)]
            for got in results:
                same = np.isclose(got, want, rtol=1e-7, atol=1e-9) | np.isnan(want)
                assert np.all(same), f"{variant!r}: {want} became {got}"
