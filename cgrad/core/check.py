"""Named invariants of both IRs, checked between passes in tests and with CGRAD_DEBUG >= 2.

Responsible for: saying which invariant is broken, and where.  Not responsible for: repairs, or
mistakes of the user, which have errors of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cgrad.core import exprs, loops, sizes
from cgrad.core.dtypes import INT64
from cgrad.core.exprs import Buffer, Expr, Read
from cgrad.core.graphs import toposort
from cgrad.core.loops import Accumulate, Check, For, Invoke, Leave, Let, Part, Set, Stmt
from cgrad.core.node import Input, Node
from cgrad.errors import CgradError


class InvariantError(CgradError, AssertionError):
    """A pass left an IR in a state that the next one does not take: a mistake in cgrad."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


# -- the graph ----------------------------------------------------------------------------------
def check_graph(outputs: Sequence[Node]) -> None:
    """Invariants of a graph.

    inferred   the type of a node is what its op infers from its arguments
    closed     a loop body takes tensors from its parameters only
    """
    stack = [toposort(outputs)]
    while stack:
        for node in stack.pop():
            if node.args or not node.op.impure:
                _check_type(node)
            for body in node.op.bodies:
                own = {*body.params, *body.order}
                for inner in body.order:
                    for arg in inner.args:
                        if arg not in own:
                            raise InvariantError("closed", f"{inner!r} uses {arg!r} from outside")
                    if isinstance(inner.op, Input):
                        raise InvariantError("closed", f"{inner!r} is free inside of a body")
                stack.append(list(body.order))


def _check_type(node: Node) -> None:
    expected = node.op.infer(node.args) if not node.op.impure else node.type
    if node.type.dtype != expected.dtype or len(node.type.shape) != len(expected.shape):
        raise InvariantError("inferred", f"{node!r} has a type other than {expected!r}")


# -- the loop IR --------------------------------------------------------------------------------
def check_loops(stmts: Sequence[Stmt], ready: Iterable[Buffer]) -> None:
    """Invariants of statements; `ready` buffers have their values at the start.

    rank       an element has as many indices as its buffer has axes
    bound      an index belongs to an enclosing loop
    nested     a loop index is not used by an enclosing loop too
    written    what is read has been written before, in this block or an enclosing one
    dtype      a store keeps the dtype of its buffer
    last       a loop is left at the end of its body only
    named      a name of a `Let` is defined before it is used, and once in its block
    """
    _block(stmts, frozenset(), {buffer.base for buffer in ready}, set())


def _block(
    stmts: Sequence[Stmt], indices: frozenset[str], written: set[Buffer], names: set[str]
) -> None:
    for stmt in stmts:
        for size in _own_sizes(stmt):
            _check_indices(exprs.index_names((size,)), indices, size)
            for buffer in exprs.index_reads((size,)):
                _check_written(buffer, written)
        if isinstance(stmt, For):
            if stmt.index in indices:
                raise InvariantError("nested", f"two loops run over {stmt.index}")
            inner = {*written, *(store.buffer.base for store in loops.written(stmt))}
            inner |= {b.base for call in loops.invocations(stmt) for b, _ in call.writes}
            inner_start = inner if stmt.kind == "scan" else set(written)
            _block(stmt.body, indices | {stmt.index}, inner_start, set(names))
            written |= inner
            continue
        if isinstance(stmt, Part):
            # a function of its own may have names that are in use around it
            own = {inner.name for inner in stmt.body if isinstance(inner, Let)}
            _block(stmt.body, indices, written, names - own)
        if isinstance(stmt, Invoke):
            for buffer, _ in stmt.reads:
                _check_written(buffer, written)
            written |= {buffer.base for buffer, _ in stmt.writes}
        if isinstance(stmt, (Set, Accumulate, Let)):
            _check_value(stmt.value, indices, written, names)
        elif isinstance(stmt, (Check, Leave)):
            _check_value(stmt.cond, indices, written, names)
            if isinstance(stmt, Leave) and stmt is not stmts[-1]:
                raise InvariantError("last", "a loop is left before its last statement")
        if isinstance(stmt, Let):
            if stmt.name in names:
                raise InvariantError("named", f"{stmt.name} is defined twice")
            names.add(stmt.name)
            if stmt.value.dtype == INT64:
                indices = indices | {stmt.name}
        elif isinstance(stmt, (Set, Accumulate)):
            _check_store(stmt)
            if isinstance(stmt, Accumulate):
                _check_written(stmt.buffer, written)
            written.add(stmt.buffer.base)


def _own_sizes(stmt: Stmt) -> Iterable[sizes.SizeLike]:
    if isinstance(stmt, For):
        return (stmt.start, stmt.extent)
    if isinstance(stmt, (Set, Accumulate)):
        return stmt.index
    return ()


def _check_value(
    root: Expr, indices: frozenset[str], written: set[Buffer], names: set[str]
) -> None:
    for expr in exprs.walk(root):
        if isinstance(expr, Read):
            if len(expr.index) != len(expr.buffer.shape):
                raise InvariantError("rank", f"{expr.buffer!r} is read at {expr.index}")
            # a later stage of a loop fetches a variable of an earlier one by a value of its name
            _check_written(expr.buffer, written, () if expr.buffer.shape else names)
        elif isinstance(expr, exprs.Var) and expr.name not in names:
            raise InvariantError("named", f"{expr.name} is used before it is defined")
    _check_indices(root.indices, indices, root)


def _check_indices(used: frozenset[str], indices: frozenset[str], where: object) -> None:
    for name in sorted(used - indices):
        raise InvariantError("bound", f"{name} belongs to no enclosing loop in {where!r}")


def _check_written(buffer: Buffer, written: set[Buffer], names: Iterable[str] = ()) -> None:
    # nothing is ever stored in a buffer that is known to have no elements
    elements = buffer.name not in names and all(sizes.bounds(n)[1] != 0 for n in buffer.base.shape)
    if buffer.role != "table" and buffer.base not in written and elements:
        raise InvariantError("written", f"{buffer!r} is read before it is written")


def _check_store(stmt: Set | Accumulate) -> None:
    if len(stmt.index) != len(stmt.buffer.shape):
        raise InvariantError("rank", f"{stmt.buffer!r} is written at {stmt.index}")
    if stmt.value.dtype != stmt.buffer.dtype:
        raise InvariantError("dtype", f"{stmt.buffer!r} is set to a {stmt.value.dtype}")
