"""A graph cut at intermediate nodes, which become free variables.

Nodes below the cut may mention the shape of what is above it: the cotangent of `h = tanh(x)` has
the shape of x.  That is the shape of h, so x itself is not needed.

Responsible for: the free variables and the sizes that follow from them.
Not responsible for: what is still missing then (`pipeline.Program`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cgrad.core import sizes
from cgrad.core.graphs import derived, replace_nodes, substitute, toposort
from cgrad.core.node import Input, Node, TensorType, make_input
from cgrad.core.sizes import Atom, SizeLike


def cut(inputs: Sequence[Node], outputs: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """The inputs and outputs with a free variable in place of each intermediate node in `inputs`.

    Lengths of inputs above the cut are written by those of the new variables where these say them.
    """
    fresh = {node: _variable(node) for node in inputs if not isinstance(node.op, Input)}
    if not fresh:
        return list(inputs), list(outputs)
    own = [fresh.get(node, node) for node in inputs]
    below = substitute(outputs, fresh)
    given = set(own)
    missing = {node for node in toposort(below) if isinstance(node.op, Input)} - given
    lengths = _solve(fresh, missing) if missing else {}
    return own, _with_lengths(below, lengths) if lengths else below


def _variable(node: Node) -> Node:
    """A free variable of the dtype, rank and known lengths of a node."""
    shape = [n if isinstance(n, int) else None for n in node.dims]
    new = make_input(TensorType(node.dtype, shape), node.name)
    new.site = node.site
    return new


def _solve(fresh: Mapping[Node, Node], missing: set[Node]) -> dict[Atom, SizeLike]:
    """Lengths of missing inputs, where the shape of a cut node is one of them plus what is known.

    For x[:-1], of length n - min(1, n) = m, that is n = m + min(1, n); put into n - min(1, n) it
    gives m.  For x[1:] it is the atom max(0, n - 1), which is m.
    """
    found: dict[Atom, SizeLike] = {}
    equations = [
        (n, sizes.dim(new, axis))
        for node, new in fresh.items()
        for axis, n in enumerate(node.dims)
        if not isinstance(n, int)
    ]
    # each round may settle a length that another equation has beside its own
    for _ in equations:
        for before, length in equations:
            n = _outermost(before, found)
            if isinstance(n, int):
                continue
            atoms = {a for mono, _ in n.terms for a in mono}
            plain = {a for a in atoms if a.kind == "dim" and a.args[0] in missing}
            inside = {a for a in atoms if missing.intersection(sizes.nodes(sizes.as_size(a)))}
            if len(plain or inside) != 1:
                continue
            (atom,) = plain or inside
            factor = dict(n.terms).get((atom,), 0)
            rest = n - factor * sizes.as_size(atom)
            alone = isinstance(rest, int) or all(atom not in mono for mono, _ in rest.terms)
            if abs(factor) == 1 and alone:
                found[atom] = factor * (length - rest)
    return found


def _outermost(size: SizeLike, lengths: Mapping[Atom, SizeLike]) -> SizeLike:
    """The size with atoms replaced that are terms or factors of it, not those inside of others."""
    if isinstance(size, int):
        return size
    total: SizeLike = 0
    for mono, factor in size.terms:
        total = total + factor * sizes.product(lengths.get(a, sizes.as_size(a)) for a in mono)
    return total


def _with_lengths(outputs: Sequence[Node], lengths: Mapping[Atom, SizeLike]) -> list[Node]:
    """`outputs` with lengths replaced in the sizes that they mention."""
    memo: dict[Node, Node] = {}

    def replaced(size: SizeLike) -> SizeLike:
        return replace_nodes(_outermost(size, lengths), memo)

    for node in toposort(outputs):
        args = tuple(memo[arg] for arg in node.args)
        op = node.op.map_sizes(replaced)
        same = op is node.op and args == node.args
        memo[node] = node if same else derived(node, op, args)
    return [memo[out] for out in outputs]
