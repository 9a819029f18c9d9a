"""Algebra on graphs: the rule sets and the two passes made of them.

CANONICAL   one way to write everything; exact, or fewer roundings
STABILISE   forms that keep their digits and do not overflow
EXPAND      functions without C text written out, the last step before lowering
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core.graphs import op_classes, toposort
from cgrad.core.node import Node
from cgrad.core.rewrite import Trace, rewrite
from cgrad.ops.branch import enclose
from cgrad.ops.control import Scan
from cgrad.ops.jacobian import Jacobian, SymmetricProduct
from cgrad.rewrites.branches import BRANCHES, merge_branches
from cgrad.rewrites.canonical import CONSTANTS
from cgrad.rewrites.complex import COMPLEX
from cgrad.rewrites.diagonals import DIAGONALS
from cgrad.rewrites.expand import ROWS
from cgrad.rewrites.jacobian_axes import AXES
from cgrad.rewrites.jacobians import CHAINS, JACOBIANS, STORED
from cgrad.rewrites.lookups import LOOKUPS
from cgrad.rewrites.loops import tidy_loops
from cgrad.rewrites.matmul import PRODUCTS
from cgrad.rewrites.merge import merge_loops
from cgrad.rewrites.outside import move_products_outside
from cgrad.rewrites.powers import POWERS
from cgrad.rewrites.remember import remember_values
from cgrad.rewrites.remember_sides import remember_sides
from cgrad.rewrites.scanned import SCANNED
from cgrad.rewrites.shapes import SHAPES
from cgrad.rewrites.simplify import ALGEBRA
from cgrad.rewrites.stabilise import STABILISE
from cgrad.rewrites.structured import STRUCTURED
from cgrad.rewrites.systems import SYSTEMS, VALUES
from cgrad.rewrites.windows import WINDOWS

__all__ = ["CANONICAL", "EXPAND", "STABILISE", "expand", "simplify"]

CANONICAL = CONSTANTS | STRUCTURED | DIAGONALS | SHAPES | WINDOWS | COMPLEX | ALGEBRA
CANONICAL.name = "canonical"
EXPAND = ROWS | POWERS
EXPAND.name = "expand"
_SIMPLIFY = AXES | CHAINS | JACOBIANS | CANONICAL | STABILISE | SYSTEMS | BRANCHES
_STORING = STORED | _SIMPLIFY
_EXPAND = EXPAND | VALUES | PRODUCTS | LOOKUPS | CANONICAL


def simplify(outputs: Sequence[Node], trace: Trace | None = None) -> list[Node]:
    """`outputs` interned, canonical and stable.

    One walk does both sets: whatever a stabilising rule builds is made canonical before the nodes
    above it are looked at.
    """
    if not {Jacobian, Scan}.isdisjoint(op_classes(toposort(outputs))):
        for rules in (SCANNED, AXES, CHAINS):
            outputs = rewrite(outputs, rules, trace=trace)
    outputs = rewrite(outputs, _SIMPLIFY, trace=trace)
    if not {Jacobian, SymmetricProduct}.isdisjoint(op_classes(toposort(outputs))):
        outputs = rewrite(outputs, _STORING, trace=trace)
        chosen = enclose(outputs)  # of two ways to compute a Jacobian that sizes choose between
        if not all(new is old for new, old in zip(chosen, outputs, strict=True)):
            outputs = rewrite(chosen, _SIMPLIFY, trace=trace)
    if any(node.op.name in ("branch", "scan") for node in toposort(outputs)):
        for join in (merge_branches, remember_sides):
            joined = join(outputs)
            if not all(new is old for new, old in zip(joined, outputs, strict=True)):
                outputs = rewrite(joined, _SIMPLIFY, trace=trace)
    # a smaller loop shows new constants to the rules, and these may leave more of it unread
    while any(node.op.name == "scan" for node in toposort(outputs)):
        tidy = move_products_outside(remember_values(merge_loops(tidy_loops(outputs))))
        if all(new is old for new, old in zip(tidy, outputs, strict=True)):
            break
        outputs = rewrite(tidy, _SIMPLIFY, trace=trace)
    return outputs


def expand(outputs: Sequence[Node], trace: Trace | None = None) -> list[Node]:
    """Simplified `outputs` in terms of functions that have C text."""
    return rewrite(outputs, _EXPAND, trace=trace)
