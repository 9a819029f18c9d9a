"""The last algebra before lowering: functions without C text of their own are written out.

Responsible for: using the `expand` entries of the table.  The canonical rules run beside, so that
parts which several functions share (exp(-|x|)) become one node.
"""

from __future__ import annotations

from cgrad.core.node import Node
from cgrad.core.rewrite import RuleSet
from cgrad.ops.elementwise import apply
from cgrad.ops.scalar import Elementwise

ROWS = RuleSet("rows")


@ROWS.rule(
    Elementwise, exact=False,
    example=(lambda x: apply("sigmoid", x), lambda x: apply("dsigmoid", x),
             lambda x: apply("softplus", x), lambda x, y: apply("logaddexp", x, y)),
)  # fmt: skip
def expand_row(node: Node) -> Node | None:
    """f(x) -> the entry `expand` of f in the table"""
    assert isinstance(node.op, Elementwise)
    write_out = node.op.row.expand
    return None if write_out is None else write_out(*node.args)
