"""Batch axes in front: `vectorize_graph` and `vectorize`.

A graph gets leading axes op by op: an op says in `batched` what it is on arguments with more
leading axes; where it has no answer, a scan goes over the batch.

Responsible for: the walk and the loop.  Not responsible for: the rules (each op has its own).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cgrad.core import graphs, sizes
from cgrad.core.node import Node, Shape, TensorType, TupleType, make_input
from cgrad.core.sizes import Atom, SizeLike
from cgrad.errors import RankError, ShapeError
from cgrad.graph.replace import Pairs, pairs_of
from cgrad.graph.traversal import as_list
from cgrad.ops.axes import all_leading, reshape_to, with_leading
from cgrad.ops.coerce import as_node, broadcast_shape
from cgrad.ops.control import make_scan
from cgrad.ops.result import Get


def vectorize_graph(outputs: Any, replace: Pairs) -> Any:
    """`outputs` (a node or a list) over replacements that have more leading axes.

    replace  pairs (node, replacement), or a dict; a replacement has the dtype of its node and its
             axes behind any number of batch axes.  Batch axes of several replacements are
             stretched to a common shape as NumPy stretches axes.

    An output that depends on a replaced node gets the batch axes in front of its own.  Its values
    are those of a loop over the batch; only what has no form with batch axes becomes such a loop.

    >>> import cgrad, cgrad.tensor as ct
    >>> x, rows = ct.dvector("x"), ct.dmatrix("rows")
    >>> cgrad.pp(cgrad.graph.vectorize_graph(ct.exp(x), {x: rows}))
    'exp(rows)'
    """
    nodes = as_list(outputs, "vectorize_graph")
    found = _Batch(pairs_of(replace, "vectorize_graph")).run(nodes)
    return found[0] if isinstance(outputs, Node) else found


class _Batch:
    """A graph on its way to having the leading axes `lead`.

    memo  the new node for each node met (a list for one with several results)
    on    those of them that have the leading axes
    """

    def __init__(self, pairs: Iterable[tuple[Node, Any]]) -> None:
        given: list[tuple[Node, Node]] = []
        fronts: list[Shape] = []
        for target, value in pairs:
            node = as_node(value)
            more = node.ndim - target.ndim
            if node.dtype != target.dtype or more < 0:
                raise RankError(
                    f"vectorize_graph: {target!r} is replaced by {node!r}, expected the dtype "
                    f"{target.dtype} and at least {target.ndim} axes"
                )
            for found, wanted in zip(node.dims[more:], target.dims, strict=True):
                if isinstance(found, int) and isinstance(wanted, int) and found != wanted:
                    raise ShapeError(
                        f"vectorize_graph: {target!r} is replaced by {node!r}: an axis has size "
                        f"{found}, expected {wanted}"
                    )
            given.append((target, node))
            fronts.append(node.dims[:more])
        shapes = [make_input(TensorType("bool", front)) for front in fronts]
        self.lead: Shape = broadcast_shape(shapes, "the batch axes") if shapes else ()
        self.memo: dict[Node, Any] = {}
        self.on: set[Node] = set()
        for (target, node), front in zip(given, fronts, strict=True):
            if front:
                node = with_leading(node, self.lead, len(front))
                self.on.add(target)
            self.memo[target] = node

    def run(self, outputs: Sequence[Node]) -> list[Node]:
        for node in graphs.toposort(outputs, list(self.memo)):
            if node not in self.memo:
                self.memo[node] = self._node(node)
        return [self.memo[out] for out in outputs]

    def size(self, size: SizeLike) -> SizeLike:
        """A size of the graph as one of the new graph."""

        def replace(atom: Atom) -> SizeLike | None:
            if atom.kind not in ("dim", "value") or atom.args[0] not in self.memo:
                return None
            old, new = atom.args[0], self.memo[atom.args[0]]
            if atom.kind == "dim":
                axis: int = atom.args[1]
                found: SizeLike = new.dims[new.ndim - old.ndim + axis]
                return None if new is old else found
            if old in self.on:
                raise NotImplementedError(
                    f"vectorize_graph: the shape of something depends on the value of {old!r}, "
                    "which differs along the batch; write the loop with cgrad.map"
                )
            return graphs.node_size(new)

        return sizes.substitute(size, replace)

    def _node(self, node: Node) -> Any:
        op = node.op.map_sizes(self.size)
        args = tuple(self.memo[arg] for arg in node.args)
        on = [arg in self.on for arg in node.args]
        if not any(on):
            same = op is node.op and args == node.args
            return node if same else graphs.derived(node, op, args)
        self.on.add(node)
        if isinstance(args[0], list):
            return args[0][op.position]  # type: ignore[attr-defined]
        if op.keeps_leading:
            return Node(op, all_leading(args, on, self.lead))
        new = op.batched(args, on, self.lead)
        return self._loop(node, args, on) if new is NotImplemented else new

    def _loop(self, node: Node, args: tuple[Node, ...], on: Sequence[bool]) -> Any:
        """The op on one element of the batch after the other."""
        n, total = len(self.lead), sizes.product(self.lead)
        rows = [
            reshape_to(arg, (total, *arg.dims[n:])) if moved else None
            for arg, moved in zip(args, on, strict=True)
        ]
        params = [
            arg if row is None else make_input(TensorType(arg.dtype, row.dims[1:]))
            for arg, row in zip(args, rows, strict=True)
        ]
        op = node.op.map_sizes(self.size)
        one = Node(op, tuple(params))
        several = isinstance(node.type, TupleType)
        parts = [Node(Get(k), (one,)) for k in range(len(one.type.types))] if several else [one]
        results = make_scan(
            [], [], [row for row in rows if row is not None],
            [], [], [p for p, row in zip(params, rows, strict=True) if row is not None],
            [], parts, total, False,
        )  # fmt: skip
        ys = [reshape_to(results.y(k), (*self.lead, *part.dims)) for k, part in enumerate(parts)]
        return ys if several else ys[0]


_SIDE = r"\([\w,\s]*\)(?:\s*,\s*\([\w,\s]*\))*"
_SIGNATURE = re.compile(rf"\s*({_SIDE})\s*->\s*({_SIDE})\s*")


def _labels(side: str) -> list[tuple[str, ...]]:
    return [
        tuple(label.strip() for label in group.split(",") if label.strip())
        for group in re.findall(r"\(([^)]*)\)", side)
    ]


def vectorize(func: Callable[..., Any], signature: str | None = None) -> Callable[..., Any]:
    """`fn`, written for single arguments, as a function of arguments with batch axes in front.

    signature  as `numpy.vectorize` has it: "(m,n),(n)->(m)" names the axes of each argument and of
               each result of `fn`; axes of one name have one length.  None: all are scalars.

    The batch axes, those in front of the named ones, are stretched to a common shape.  `fn` is
    called once, with symbols.  ValueError for a signature or a result that does not fit.

    >>> import cgrad, cgrad.tensor as ct
    >>> a, v = ct.dtensor3("a"), ct.dvector("v")
    >>> f = cgrad.function([a, v], ct.vectorize(lambda m, x: m @ x, "(m,n),(n)->(m)")(a, v))
    >>> f([[[1.0, 2.0]], [[3.0, 4.0]]], [1.0, 1.0])
    array([[3.],
           [7.]])
    """
    takes: list[tuple[str, ...]] | None = None
    gives: list[tuple[str, ...]] | None = None
    if signature is not None:
        match = _SIGNATURE.fullmatch(signature)
        if match is None:
            raise ValueError(f'vectorize: {signature!r} is no signature; write "(m,n),(n)->(m)"')
        takes, gives = _labels(match[1]), _labels(match[2])

    def vectorized(*args: Any) -> Any:
        nodes = [as_node(arg) for arg in args]
        own = [()] * len(nodes) if takes is None else takes
        if len(own) != len(nodes):
            raise TypeError(f"vectorize: {len(nodes)} arguments, but {signature!r} has {len(own)}")
        sizes_of: dict[str, SizeLike] = {}
        params = []
        for k, (node, labels) in enumerate(zip(nodes, own, strict=True)):
            if node.ndim < len(labels):
                raise RankError(
                    f"vectorize: argument {k + 1}, {node!r}, has {node.ndim} axes, expected at "
                    f"least {len(labels)} for {signature!r}"
                )
            dims = node.dims[node.ndim - len(labels) :]
            for label, n in zip(labels, dims, strict=True):
                known = sizes_of.setdefault(label, n)
                if isinstance(known, int) and isinstance(n, int) and known != n:
                    raise ShapeError(
                        f"vectorize: {label} is {n} in argument {k + 1}, expected {known}"
                    )
            params.append(make_input(TensorType(node.dtype, dims), node.name))
        results = func(*params)
        outs = as_list(results, "vectorize")
        if gives is not None and [len(labels) for labels in gives] != [out.ndim for out in outs]:
            raise ValueError(
                f"vectorize: the function gives {', '.join(repr(out.type) for out in outs)}, "
                f"which does not fit {signature!r}"
            )
        found = vectorize_graph(outs, list(zip(params, nodes, strict=True)))
        return found[0] if isinstance(results, Node) else found

    return vectorized
