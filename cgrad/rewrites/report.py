"""What was found of the structure of derivatives, in words: for `f.explain()`.

Responsible for: the lines.  Not responsible for: the rules (`rewrites.jacobians`, `.scanned`,
`.structured`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad import rewrites
from cgrad.core.graphs import op_classes, toposort
from cgrad.core.node import Node, render_shape
from cgrad.core.rewrite import Rule
from cgrad.ops.control import Scan
from cgrad.ops.jacobian import Jacobian, SymmetricProduct
from cgrad.rewrites.jacobian_axes import AXES
from cgrad.rewrites.jacobians import CHAINS, JACOBIANS, STORED
from cgrad.rewrites.scanned import SCANNED
from cgrad.rewrites.structured import STRUCTURED

_SETS = (SCANNED, AXES, CHAINS, JACOBIANS, STRUCTURED, STORED)
_SHOWN = {rule.name for rules in _SETS for rule in rules.rules}


def report(outputs: Sequence[Node]) -> list[tuple[str, str]]:
    """Pairs (what, words): each Jacobian with its mode, each rule that has changed how one is used.

    `outputs` are those of a graph as it was written; it is rewritten once more for this.
    """
    order = toposort(outputs)
    if op_classes(order).isdisjoint({Jacobian, SymmetricProduct, Scan}):
        return []
    lines = [("jacobian", _words(node)) for node in order if isinstance(node.op, Jacobian)]
    fired: dict[str, int] = {}

    def note(rule: Rule, old: Node, new: Node) -> None:
        if rule.name in _SHOWN:
            fired[repr(rule)] = fired.get(repr(rule), 0) + 1
        if rule.name == "rows_of_jacobian":
            found = [node for node in toposort([new], [old]) if isinstance(node.op, Jacobian)]
            lines.extend(("jacobian", _words(node, old)) for node in found[:1])

    rewrites.simplify(outputs, note)
    for text, count in fired.items():
        lines.append(("rule", text if count == 1 else f"{text} ({count} times)"))
    return lines


def _words(node: Node, at: Node | None = None) -> str:
    op: Any = node.op
    of = node if at is None else at
    tag = "" if of.tag is None else f"[n{of.tag}] "
    kind = "symmetric, " if op.symmetric else ""
    return f"{tag}{render_shape(of.dims)}: {kind}{op.how or 'forward'}"
