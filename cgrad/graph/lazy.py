"""`ifelse`: a choice between tensors of which only the chosen one is computed.

Responsible for: what users may pass.  Not responsible for: the ops (`cgrad.ops.branch`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core import dtypes
from cgrad.core.node import Node
from cgrad.errors import DTypeError, RankError, ShapeError
from cgrad.ops.branch import IfElse
from cgrad.ops.coerce import as_node, cast_to, result_dtype
from cgrad.ops.constants import is_weak
from cgrad.ops.result import Get


def ifelse(condition: Any, then_branch: Any, else_branch: Any, name: str | None = None) -> Any:
    """`then_branch` if the condition holds, else `else_branch`; the other one is not computed.

    condition    a scalar; a number holds unless it is 0
    then_branch, else_branch  a tensor each, or two lists of equal lengths; what belongs together
                 has one dtype (Python numbers take the other's), one rank and one shape.  Shapes
                 are checked whichever is chosen, positions and conditions on that side only
    name         of the result, for `dprint` and the C text

    The C code is an if.  What both sides or other results need is computed in any case, and in a
    `scan` what does not change from step to step is computed before the loop.  Derivatives are
    choices too: only the chosen side is differentiated, to any order.  `switch` chooses element by
    element, computing both.

    >>> import cgrad, cgrad.tensor as ct
    >>> x = ct.dvector("x")
    >>> y = cgrad.ifelse(x.sum() > 0, ct.log(x).sum(), ct.exp(x).sum())
    >>> f = cgrad.function([x], [y, ct.grad(y, x)])
    >>> f([1.0, 2.0])
    [array(0.69314718), array([1. , 0.5])]

    Raises RankError for a condition that is no scalar; ValueError, DTypeError, RankError or
    ShapeError for sides that do not fit together.
    """
    cond = as_node(condition)
    if cond.ndim:
        raise RankError(
            f"ifelse: the condition has {cond.ndim} axes, expected a scalar; use .any() or .all(), "
            "or switch for a choice element by element"
        )
    several = isinstance(then_branch, (list, tuple))
    if several != isinstance(else_branch, (list, tuple)):
        raise ValueError("ifelse: one side is a list, the other is not")
    yes = list(then_branch) if several else [then_branch]
    no = list(else_branch) if several else [else_branch]
    if len(yes) != len(no) or not yes:
        raise ValueError(
            f"ifelse: the sides have {len(yes)} and {len(no)} tensors, expected as many, at least 1"
        )
    pairs = [_pair(k, a, b) for k, (a, b) in enumerate(zip(yes, no, strict=True))]
    sides = (*(a for a, _ in pairs), *(b for _, b in pairs))
    node = Node(IfElse(len(pairs)), (cast_to(cond, dtypes.BOOL), *sides))
    found = [Node(Get(k), (node,)) for k in range(len(pairs))]
    for k, out in enumerate(found):
        if name is not None:
            out.name = f"{name}{k}" if several else name
    return found if several else found[0]


def _pair(k: int, a: Any, b: Any) -> tuple[Node, Node]:
    """Both sides of one result."""
    nodes = as_node(a), as_node(b)
    dtype = result_dtype(nodes)
    for node in nodes:
        if node.dtype != dtype and not is_weak(node):
            raise DTypeError(
                f"ifelse: result {k + 1} is {nodes[0].type!r} or {nodes[1].type!r}; cast one side "
                f"with .astype({dtype!r})"
            )
    x, y = (cast_to(node, dtype) for node in nodes)
    if x.ndim != y.ndim:
        raise RankError(
            f"ifelse: result {k + 1} is {x.type!r} if the condition holds and {y.type!r} if not; "
            "expected as many axes on both sides. Fix: reshape one, or add axes with x[None]"
        )
    for axis, (n, m) in enumerate(zip(x.dims, y.dims, strict=True)):
        if isinstance(n, int) and isinstance(m, int) and n != m:
            raise ShapeError(f"ifelse: axis {axis} of result {k + 1} has size {n} or {m}")
    return x, y
