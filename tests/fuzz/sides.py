"""Choices of which one side is computed: `ifelse`."""

from __future__ import annotations

from fuzz.pool import Generator, Skip, Value, operation

import cgrad
import cgrad.tensor as ct


def condition(g: Generator) -> Value:
    """A scalar condition, often one that there is."""
    if g.rng.random() < 0.6:
        known = [v for v in g.pool if v.node.dtype == "bool" and not v.node.ndim]
        if known:
            return g.rng.choice(known)
    x = g.number(lambda v: v.exact and v.array.size > 0)
    low = g.rng.choice([0, 1, 2])
    if x.node.ndim and g.rng.random() < 0.5:
        return g.add("condition", ct.all(x.node > low), True)
    return g.add("condition", ct.sum(x.node) > low, True)


@operation(4)
def one_side(g: Generator) -> Value:
    """One result or two, of sides that share what they compute, or share nothing."""
    c = condition(g)
    a = g.floating()
    b = g.floating(lambda v: v.node.dtype == a.node.dtype and v.array.shape == a.array.shape)
    forms = [
        lambda x, y: x, lambda x, y: ct.sin(x), lambda x, y: x * y, lambda x, y: ct.tanh(y) - x,
        lambda x, y: ct.cos(x * y) * 0.5, lambda x, y: ct.zeros_like(x),
    ]  # fmt: skip
    if a.node.ndim:
        forms.append(lambda x, y: x - ct.sum(ct.sin(y)))
        if a.array.shape[0]:
            forms.append(lambda x, y: ct.cumsum(x, axis=0) * y)

    def value() -> cgrad.core.node.Node:
        x, y = g.rng.choice([(a.node, b.node), (b.node, a.node)])
        return g.rng.choice(forms)(x, y)

    if g.rng.random() < 0.6:
        return g.add("ifelse", cgrad.ifelse(c.node, value(), value()), False)
    both = cgrad.ifelse(c.node, [value(), value()], [value(), value()])
    last = None
    for node in both:
        if g.rng.random() < 0.7:
            last = g.add("one of ifelse", node, False)
    if last is None:
        raise Skip
    return last
