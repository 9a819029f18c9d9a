"""Derivative rules that users write, checked: `OpFromGraph`, `c_op` and `wrap_py` take them.

Responsible for: what a rule may return.  Not responsible for: applying it (`cgrad.ops.custom`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.core.text import label
from cgrad.errors import DTypeError, ShapeError
from cgrad.graph.replace import like
from cgrad.ops.coerce import as_node, cast_to
from cgrad.ops.constants import Constant
from cgrad.ops.custom import Rule, Rules


def checked_rules(name: str, pullback: Any, pushforward: Any) -> Rules | None:
    """Rules of the functions given; None when there is none."""
    for kind, rule in (("pullback", pullback), ("pushforward", pushforward)):
        if rule is not None and not callable(rule):
            raise TypeError(f"{name}: {kind} is {rule!r:.60}, expected a function")
    if pullback is None and pushforward is None:
        return None
    return Rules(
        None if pullback is None else checked(name, pullback, "pullback"),
        None if pushforward is None else checked(name, pushforward, "pushforward"),
    )


def checked(name: str, rule: Rule, kind: str) -> Rule:
    """The rule with its results checked."""

    def call(args: list[Node], results: list[Node], ts: list[Node]) -> list[Node | None]:
        expected = args if kind == "pullback" else results
        return fitting(name, rule(args, results, ts), expected, kind)

    return call


def fitting(name: str, found: Any, expected: Sequence[Node], kind: str) -> list[Node | None]:
    """What a rule has returned as nodes of the dtypes and ranks of `expected`."""
    items = [found] if isinstance(found, Node) else found
    if not isinstance(items, (list, tuple)) or len(items) != len(expected):
        raise TypeError(
            f"{name}: {kind} has returned {found!r:.60}, expected a list of {len(expected)}"
        )
    result: list[Node | None] = []
    for k, (item, wanted) in enumerate(zip(items, expected, strict=True)):
        if item is None or not dtypes.is_inexact(wanted.dtype):
            result.append(None)
            continue
        node = as_node(item)
        what = f"{name}: {kind}: result {k + 1}, for {label(wanted)},"
        if not dtypes.is_inexact(node.dtype) and not isinstance(node.op, Constant):
            raise DTypeError(f"{what} has dtype {node.dtype}, expected {wanted.dtype}")
        node = like(cast_to(node, wanted.dtype), wanted, what)
        for axis, (n, m) in enumerate(zip(node.dims, wanted.dims, strict=True)):
            if isinstance(n, int) and isinstance(m, int) and n != m:
                raise ShapeError(f"{what} has size {n} on axis {axis}, expected {m}")
        result.append(node)
    return result
