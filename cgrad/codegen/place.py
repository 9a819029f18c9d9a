"""Each value is computed once, at the depth of the innermost index it uses.

Walks the statements with the chain of enclosing loops in hand.  A subexpression becomes a `Let`
when it does not depend on the innermost loop (it moves out), when it is used twice, when the
expression would be too long to read, or when it would be called under a condition in a loop of
vector code.  Nothing moves across a store to what it reads, and nothing
that only a guard makes safe to read leaves the guard.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from cgrad.codegen.costs import is_expensive
from cgrad.codegen.names import Names
from cgrad.core import exprs
from cgrad.core.exprs import Buffer, Call, Expr, Guard, Lit, Read, Select, SizeValue, Var, walk
from cgrad.core.loops import (
    Accumulate,
    For,
    If,
    Invoke,
    Let,
    Set,
    Stmt,
    Swap,
    invocations,
    swaps,
    written,
)

# operations an expression may have before a part of it gets a name
LONGEST = 12
_REPEATED = re.compile(r"\{(\d)\}")


class Scope:
    """A block under construction."""

    __slots__ = (
        "changed", "flat", "index", "inner", "names", "out", "readers", "sides", "stays", "uses",
        "values",
    )  # fmt: skip

    def __init__(self, loop: For | None, changed: frozenset[Buffer], stmts: list[Stmt]) -> None:
        self.index = loop.index if loop else None
        # what a side of a choice computes is computed only if it is chosen
        self.stays = isinstance(loop, If)
        # whether it is a loop that the compiler can make vector code of
        plain = loop is not None and loop.kind == "map" and not self.stays
        self.flat = plain and not any(isinstance(stmt, For) for stmt in stmts)
        self.changed = changed
        self.out: list[Stmt] = []
        self.values: dict[Expr, Expr] = {}
        # the expressions of `values` by the buffers they read
        self.readers: dict[Buffer, list[Expr]] = {}
        self.names: set[str] = set()
        # names of blocks in this one that have ended
        self.inner: set[str] = set()
        # those of them that belong to sides of choices
        self.sides: set[str] = set()
        self.uses = _count(stmts)

    def remember(self, expr: Expr, value: Expr) -> None:
        """`expr` is known as `value` until something it reads is stored to."""
        self.values[expr] = value
        for buffer in expr.reads:
            if buffer.role not in ("input", "table"):
                self.readers.setdefault(buffer, []).append(expr)


def place(stmts: list[Stmt], names: Names) -> list[Stmt]:
    """The statements with shared and invariant values named."""
    placer = _Placer(names)
    stores = Counter(store.buffer for stmt in stmts for store in written(stmt))
    placer.constants = {buffer for buffer, times in stores.items() if times == 1}
    result = placer.block(stmts, None)
    # variables that later passes make must not stand in sight of another thing of their name
    for name in placer.named:
        names.reserve(name)
    return result


class _Placer:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.scopes: list[Scope] = []
        # what one statement stores to
        self.constants: set[Buffer] = set()
        self.named: set[str] = set()

    def block(self, stmts: list[Stmt], loop: For | None) -> list[Stmt]:
        changed = frozenset(buffer for stmt in (stmts if loop else ()) for buffer in _changes(stmt))
        for buffer in changed:
            # what an element was before the loop holds only in its first iteration
            self._forget(buffer)
        scope = Scope(loop, changed, stmts)
        self.scopes.append(scope)
        for stmt in stmts:
            self._statement(stmt, scope)
        self.scopes.pop()
        self.names.release(scope.names)
        self.named |= scope.names
        if self.scopes:
            own = scope.names | scope.inner
            self.scopes[-1].inner |= own
            self.scopes[-1].sides |= own if scope.stays else scope.sides
        return scope.out

    def _statement(self, stmt: Stmt, scope: Scope) -> None:
        if isinstance(stmt, For):
            stmt.body = self.block(stmt.body, stmt)
        elif isinstance(stmt, (Set, Accumulate)):
            original = stmt.value
            stored = exprs.read(stmt.buffer, stmt.index)
            reread = isinstance(stmt, Set) and stored in scope.uses and bool(stmt.buffer.shape)
            stmt.value = self._expr(original, scope, reread)
            self._forget(stmt.buffer.base)
            if isinstance(stmt, Set):
                self._remember(stmt, original, scope)
        scope.out.append(stmt)
        if isinstance(stmt, (For, Swap, Invoke)):
            for buffer in _changes(stmt):
                self._forget(buffer)

    def _remember(self, stmt: Set, value: Expr, scope: Scope) -> None:
        """After a store, a read of the element is the value that was stored."""
        once = not stmt.buffer.shape and stmt.buffer in self.constants and bool(value.parts)
        if once and self.scopes[self._home(value)] is scope:
            # a variable that is set once names its value as a `Let` would
            scope.remember(value, exprs.read(stmt.buffer, ()))
        if not isinstance(stmt.value, (Var, Lit)) or not stmt.buffer.shape:
            return
        again = exprs.read(stmt.buffer, stmt.index)
        if stmt.buffer.dtype == value.dtype:
            scope.remember(again, stmt.value)

    def _forget(self, buffer: Buffer) -> None:
        for scope in self.scopes:
            for expr in scope.readers.pop(buffer, ()):
                scope.values.pop(expr, None)

    # -- expressions --------------------------------------------------------------------------
    def _expr(self, root: Expr, scope: Scope, again: bool = False) -> Expr:
        """`root` with parts replaced by names; `again` says that it will be used once more."""
        again = again or scope.uses.get(root, 0) > 1
        guarded = _only_guarded(root)
        calls = _conditional_calls(root) if scope.flat else set()
        done: dict[Expr, Expr] = {}
        stack = [root]
        while stack:
            expr = stack[-1]
            if expr in done:
                stack.pop()
                continue
            known = self._known(expr)
            if known is not None:
                done[expr] = known
                stack.pop()
                continue
            pending = [part for part in expr.parts if part not in done]
            if pending:
                stack.extend(reversed(pending))
                continue
            stack.pop()
            new = exprs.with_parts(expr, tuple(done[part] for part in expr.parts))
            keep = expr is root and not again and not self._moves(expr, scope)
            if (
                not keep
                and expr not in guarded
                and (expr in calls or self._wants_name(expr, new, scope, again and expr is root))
            ):
                new = self._let(expr, new)
            done[expr] = new
        return done[root]

    def _known(self, expr: Expr) -> Expr | None:
        if isinstance(expr, (Lit, SizeValue)) and not expr.parts:
            return expr
        if isinstance(expr, Read) and not expr.buffer.shape and expr.buffer.role == "temp":
            return expr
        for scope in reversed(self.scopes):
            if expr in scope.values:
                return scope.values[expr]
        return None

    def _home(self, expr: Expr) -> int:
        """The outermost block in which the expression has one value."""
        home = 0
        for depth, scope in enumerate(self.scopes):
            if (
                scope.stays
                or scope.index in expr.indices
                or not scope.changed.isdisjoint(expr.reads)
            ):
                home = depth
        return home

    def _moves(self, expr: Expr, scope: Scope) -> bool:
        return bool(expr.parts or isinstance(expr, Read)) and (
            self.scopes[self._home(expr)] is not scope
        )

    def _wants_name(self, expr: Expr, new: Expr, scope: Scope, again: bool) -> bool:
        if self._moves(expr, scope):
            return True
        return again or scope.uses.get(expr, 0) > 1 or new.weight > LONGEST

    def _let(self, expr: Expr, new: Expr) -> Expr:
        home = self._home(expr)
        scope = self.scopes[home]
        # a name from a block that has ended must not come back for something around that block;
        # a value that several sides compute has a name in each of them
        ended = {name for deeper in self.scopes[home + 1 :] for name in deeper.inner}
        ended |= scope.sides
        skipped = []
        while (name := self.names.fresh(_hint(expr))) in ended:
            skipped.append(name)
        self.names.release(skipped)
        scope.names.add(name)
        scope.out.append(Let(name, new))
        var = exprs.var(name, expr.dtype)
        scope.remember(expr, var)
        return var


def _changes(stmt: Stmt) -> Iterable[Buffer]:
    """The buffers whose elements are not the same after the statement."""
    for store in written(stmt):
        yield store.buffer.base
    for swap in swaps(stmt):
        yield swap.a.base
        yield swap.b.base
    for call in invocations(stmt):
        for buffer, _ in call.writes:
            yield buffer.base


def _only_guarded(root: Expr) -> set[Expr]:
    """Parts that read memory and are reached only through the chosen side of a guard."""
    if not any(isinstance(expr, Guard) for expr in walk(root)):
        return set()
    free: set[Expr] = set()
    stack = [root]
    while stack:
        expr = stack.pop()
        if expr in free:
            continue
        free.add(expr)
        if isinstance(expr, Guard):
            stack.extend((expr.parts[0], expr.parts[2]))
        else:
            stack.extend(expr.parts)
    return {expr for expr in walk(root) if expr not in free and expr.reads}


def _conditional_calls(root: Expr) -> set[Expr]:
    """Expensive calls in the sides of selects.

    Where a vector function is called and not inlined, gcc 12 can make vector code only if it is
    called in every iteration.
    """
    sides = [p for expr in walk(root) if isinstance(expr, Select) for p in expr.parts[1:]]
    inside = set(sides)
    while sides:
        for part in sides.pop().parts:
            if part not in inside:
                inside.add(part)
                sides.append(part)
    return {expr for expr in inside if is_expensive(expr)}


def _count(stmts: Iterable[Stmt]) -> dict[Expr, int]:
    """How often each expression is used by the statements of a block, inner loops apart."""
    uses: dict[Expr, int] = {}
    seen: set[Expr] = set()
    for stmt in stmts:
        if isinstance(stmt, (Set, Accumulate)):
            root = stmt.value
        else:
            continue
        uses[root] = uses.get(root, 0) + 1
        for expr in walk(root):
            if expr in seen:
                continue
            seen.add(expr)
            for position, part in enumerate(expr.parts):
                times = 1
                if isinstance(expr, Call):
                    times = _REPEATED.findall(expr.template).count(str(position))
                uses[part] = uses.get(part, 0) + times
    return uses


def _hint(expr: Expr) -> str:
    """A name that says what the value is."""
    if isinstance(expr, Read):
        letters = "".join(sorted(expr.indices)) or "0"
        return f"{expr.buffer.name}_{letters}"
    if isinstance(expr, Call):
        called = re.match(r"(?:cg_)?(\w+)\(", expr.template)
        return f"{called.group(1)}1" if called else "v1"
    return "v1"
