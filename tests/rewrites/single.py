"""One rule on one node: what the tests of the conditions of rules are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cgrad.core.graphs import intern
from cgrad.core.node import Node, TensorType, make_input
from cgrad.rewrites import _EXPAND, _SIMPLIFY
from cgrad.rewrites.patterns import full

RULES = _SIMPLIFY | type(_EXPAND)("more", [r for r in _EXPAND.rules if r not in _SIMPLIFY.rules])
NAMED = {rule.name: rule for rule in RULES.rules}
# a rule, what it looks at, what it makes of that; None: it leaves it alone
Case = tuple[str, Callable[[], Node], Callable[[], Node] | None]


def tensor(name: str, *shape: int | None, dtype: str = "float64") -> Node:
    return make_input(TensorType(dtype, shape), name)


def number(value: Any, *dims: Any, dtype: str = "float64") -> Node:
    """A number, stretched."""
    return full(value, dtype, dims)


def applied(name: str, before: Node) -> Node | None:
    """What the rule makes of the node alone, which it does look at."""
    (node,) = intern([before])
    assert NAMED[name] in RULES.of(node), f"{name} does not look at {node!r}"
    return NAMED[name].apply(node)


def check(case: Case) -> None:
    name, before, after = case
    old = before()
    new = applied(name, old)
    if after is None:
        assert new is None, f"{name} made {new!r} of {old!r}"
        return
    want = after()
    assert new is not None, f"{name} left {old!r} alone"
    assert (new.dtype, new.ndim) == (old.dtype, old.ndim)
    found, wanted = intern([new, want])
    assert found is wanted, f"{name} made\n{text(new)}\nand not\n{text(want)}"


def text(node: Node) -> str:
    """The graph with the parameters of its ops."""
    names = (s for c in type(node.op).__mro__ for s in getattr(c, "__slots__", ()))
    slots = {name: getattr(node.op, name) for name in names}
    inner = ", ".join(text(arg) for arg in node.args)
    return f"{node.name or node.op.name}[{node.dims}; {slots}]({inner})"


def parametrize(cases: list[Case]) -> pytest.MarkDecorator:
    ids = [f"{name}-{k}" for k, (name, _, _) in enumerate(cases)]
    return pytest.mark.parametrize("case", cases, ids=ids)
