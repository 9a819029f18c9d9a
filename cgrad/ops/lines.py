"""The coefficients of terms of a Jacobian (`ops.terms`) against other tensors.

Responsible for: elements of a tensor at the rows of a term, rows that share no index with others.
Not responsible for: the rules of the ops, or storing a Jacobian (`cgrad.ops.overlay`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core.node import Node, Shape
from cgrad.core.registry import build, register
from cgrad.core.sizes import SizeLike
from cgrad.ops.axes import broadcast_axes, permute_axes
from cgrad.ops.constants import Arange, size_node
from cgrad.ops.terms import Filled, Line, Term, thin, whole
from cgrad.ops.windows import Place, Slice


def window_of(shape: Shape, lines: Sequence[Line], dims: Shape) -> Slice | None:
    """The window of a tensor of `shape` that holds what lies on `lines`; None for all of it.

    `dims` are the sizes of the axes that the lines run along.
    """
    if all(line.whole for line in lines):
        return None
    lengths = []
    for n, line in zip(shape, lines, strict=True):
        single = 1 if line.axis is None else None
        lengths.append(n if line.whole else single or dims[line.axis or 0])
    return Slice(
        shape,
        tuple(line.start for line in lines),
        tuple(lengths),
        tuple(line.step for line in lines),
        tuple(line.axis is None for line in lines),
    )


def at_rows(term: Term, x: Node) -> Node:
    """The elements of x, which has the shape of the rows, that belong to the coefficients.

    No two row lines may run along one axis.  A number belongs to all of them.
    """
    if x.ndim < len(term.rows):
        return x
    dims = term.value.dims
    window = window_of(x.dims, term.rows, dims)
    x = x if window is None else Node(window, (x,))
    places = [line.axis for line in term.rows if line.axis is not None]
    order = tuple(sorted(range(len(places)), key=places.__getitem__))
    return broadcast_axes(permute_axes(x, order), dims, tuple(sorted(places)))


def untie(term: Term, row: int, n: SizeLike) -> Term:
    """The term with all n positions of row line `row` along an axis of the values of its own.

    The coefficients become zeros but where they were; `Filled` where there may be none.
    """
    line, value = term.rows[row], term.value
    if line.axis is not None and term.alone(line):
        if line.whole:
            return term
        return _with_row(term, row, line.axis, placed(value, line.axis, line.start, n, line.step))
    if thin.get():
        raise Filled
    dims = (*value.dims, n)
    last = value.ndim
    position = size_node(line.start)
    if line.axis is not None:
        along = build("mul", Node(Arange(value.dims[line.axis])), line.step)
        position = build("add", along, position)
    axes = () if line.axis is None else (line.axis,)
    here = build(
        "eq",
        broadcast_axes(Node(Arange(n)), dims, (last,)),
        broadcast_axes(position, dims, axes),
    )
    value = build("switch", here, broadcast_axes(value, dims, tuple(range(last))), 0)
    return _with_row(term, row, last, value)


def _with_row(term: Term, row: int, axis: int, value: Node) -> Term:
    rows = list(term.rows)
    rows[row] = whole(axis)
    return term.at_rows(rows).having(value)


def placed(value: Node, axis: int, start: SizeLike, n: SizeLike, step: int = 1) -> Node:
    """Zeros of length n along `axis` with the values from `start` on, `step` apart."""
    dims = value.dims
    if start == 0 and step == 1 and dims[axis] == n:
        return value
    window = Place(
        tuple(n if k == axis else size for k, size in enumerate(dims)),
        tuple(start if k == axis else 0 for k in range(len(dims))),
        dims,
        tuple(step if k == axis else 1 for k in range(len(dims))),
        (False,) * len(dims),
    )
    return Node(window, (value,))


register("untie", untie)
register("at_rows", lambda x, term: at_rows(term, x))
