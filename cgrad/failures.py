"""Errors while a compiled function runs: from the status of a kernel to an exception.

Responsible for: the text: found, expected, where, how to fix it.  Not responsible for: finding
the mistake (the kernel does) or arguments that do not fit (`cgrad.parameters`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.node import Node
from cgrad.core.sites import describe
from cgrad.core.text import label as expression
from cgrad.errors import BadValueError, CgradError, IndexBoundsError, ShapeError
from cgrad.ops.axes import Broadcast
from cgrad.ops.scalar import Cast, Elementwise
from cgrad.parameters import label

CG_SHAPE, CG_INDEX, CG_EMPTY, CG_VALUE, _, CG_MEMORY = range(1, 7)


def failure(
    f: Any,
    node: Node | None,
    code: int,
    axis: int,
    found: int,
    expected: int,
    arrays: tuple[Any, ...],
) -> BaseException:
    """The exception for a status: found, expected, where, how to fix it."""
    what = node.op.name if node is not None else "the function"
    inputs = f._plan.program.inputs
    shapes = [
        f"  {label(parameter, k)}: {given.dtype} {np.shape(array)}"
        for k, (parameter, given, array) in enumerate(
            zip(f._plan.parameters, inputs, arrays, strict=False)
        )
    ]
    where = describe(node.site) if node is not None else ""
    if node is not None and node in inputs:
        head = f"argument {node.name or str(inputs.index(node) + 1)}"
        fix = "pass an array of the declared shape, or declare the axis as None"
        what = head
    if code == CG_SHAPE:
        whose = _whose_axis(node, axis, found, dict(zip(inputs, arrays, strict=False)))
        text = f"{what}: {whose} has size {found}, expected {expected}"
        operands = _operands(node)
        own = None
        if node is not None:
            own = _negative(node, axis, found) or node.op.mismatch(node, axis, found, expected)
        if own is not None:
            text, fix = own
        elif node is None or node not in inputs:
            fix = (
                "make the sizes equal; an axis stretches only where its length is declared as 1, "
                'for example tensor("b", shape=(1, None))'
                if isinstance(getattr(node, "op", None), Elementwise)
                else "make the sizes equal; nothing is stretched here"
            )
        return ShapeError(_message(f.name, text, operands, shapes, where, fix))
    if code == CG_INDEX:
        # the kernel counts negative positions from the end
        found -= expected if found < 0 else 0
        text = f"index {found} is out of bounds for axis {axis} with size {expected}"
        fix = (
            f"use an index from {-expected} to {expected - 1}"
            if expected
            else "pass at least one element; an empty axis has no positions"
        )
        return IndexBoundsError(_message(f.name, text, _operands(node), shapes, where, fix))
    if code == CG_EMPTY:
        text = f"{what} over axis {axis}, which is empty, has no value"
        fix = "pass an array with at least one element along that axis"
        return ShapeError(_message(f.name, text, _operands(node), shapes, where, fix))
    if code == CG_VALUE and node is not None:
        own_error = getattr(node.op, "exception", None)
        if own_error is not None:
            # what the user wrote: the message stays as it is
            error: BaseException = own_error(node)
            error.add_note("\n".join([f"in {f.name}", *shapes, where]))
            return error
        text, fix = node.op.bad_value()
        return BadValueError(_message(f.name, text, _operands(node), shapes, where, fix))
    return CgradError(_message(f.name, f"{what} failed with status {code}", [], shapes, where, ""))


def _negative(node: Node, axis: int, found: int) -> tuple[str, str] | None:
    """The message for a length below 0, which is named as the user wrote it."""
    if found >= 0:
        return None
    for size, least, where in node.op.equalities(node):
        if where == axis and least == sizes.maximum(0, size):
            text = sizes.render(size)
            return (
                f"axis {axis} has the length {text} = {found}, expected 0 or more",
                f"pass values for which {text} is not negative",
            )
    return None


def _written(node: Node, axis: int) -> tuple[Node, int | None]:
    """What was stretched or cast to make a node, and which of its axes `axis` is; None: none."""
    place: int | None = axis
    while isinstance(node.op, (Broadcast, Cast)) and node.name is None:
        if isinstance(node.op, Broadcast):
            place = node.op.axes.index(place) if place in node.op.axes else None
        node = node.args[0]
    return node, place


def _whose_axis(node: Node | None, axis: int, found: int, given: dict[Node, Any]) -> str:
    """The axis, and where only one operand can be meant its name: `axis 0 of y`."""
    if node is None or node in given:
        return f"axis {axis}"
    meant = [
        (written.name, place)
        for written, place in (_written(arg, axis) for arg in node.args)
        if written in given
        and place is not None
        and 0 <= place < written.ndim
        and np.shape(given[written])[place] == found
    ]
    if len(node.args) == 1 or len(meant) != 1 or not meant[0][0]:
        return f"axis {axis}"
    name, place = meant[0]
    return f"axis {place} of {name}"


def _operands(node: Node | None) -> list[str]:
    """The tensors the failing op was applied to, as declared."""
    if node is None:
        return []
    written = [_written(arg, 0)[0] for arg in node.args[:4]]
    return [f"  operand {k + 1}: {expression(arg)}, {arg.type!r}" for k, arg in enumerate(written)]


def _message(
    name: str, text: str, operands: list[str], shapes: list[str], where: str, fix: str
) -> str:
    lines = [f"{name}: {text}", *operands]
    if shapes:
        lines += ["  called with", *(f"  {row}" for row in shapes)]
    if where:
        lines.append(where)
    if fix:
        lines.append(f"  Fix: {fix}.")
    return "\n".join(lines)
