"""Expressions of the loop IR, over buffers, loop indices and named scalars.

They are hash-consed, so equal expressions are one object and a repeated subexpression is found by
identity.  Indices are `Size`s over loop-index atoms: `i * 2 + 1` needs no expression.

Responsible for: the data types, building them in a normal form, facts that follow from one.
Not responsible for: the statements around them (`core.loops`) or C text (`codegen.emit`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from weakref import WeakValueDictionary

from cgrad.core import sizes
from cgrad.core.dtypes import BOOL, INT64, is_inexact
from cgrad.core.sizes import SizeLike

Index = tuple[SizeLike, ...]
_serials = itertools.count()


class Buffer:
    """A row-major array, or for an empty shape a scalar variable.

    role: input, output, table (constants in the text), temp (a slot of the workspace; a C
    variable when 0-d), carry (a pair of pointers that a `Swap` exchanges) or local (a C array of
    fixed length, see `Local`).  A view has another shape over the elements of `base`.
    `bounds` are constant bounds of an integer that sizes mention, None where there is none.
    """

    __slots__ = ("_base", "bounds", "dtype", "name", "role", "serial", "shape")

    def __init__(
        self,
        name: str,
        dtype: str,
        shape: Index,
        role: str = "temp",
        base: Buffer | None = None,
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = tuple(shape)
        self.role = role
        self.serial = next(_serials)
        self._base = base
        self.bounds: tuple[int | None, int | None] = (None, None)

    @property
    def base(self) -> Buffer:
        """The buffer that owns the elements."""
        return self if self._base is None else self._base.base

    def view(self, shape: Index) -> Buffer:
        """The same elements in another shape of equal size."""
        return Buffer(self.name, self.dtype, shape, self.role, self.base)

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype} {self.shape}"


# -- expressions -----------------------------------------------------------------------------
class Expr:
    """A scalar expression; `indices` and `reads` are the loop indices and buffers it uses."""

    __slots__ = ("__weakref__", "dtype", "indices", "parts", "reads", "serial", "weight")

    dtype: str
    indices: frozenset[str]
    reads: frozenset[Buffer]
    parts: tuple[Expr, ...]
    serial: int
    weight: int


_TABLE: WeakValueDictionary[Any, Expr] = WeakValueDictionary()
_NONE: frozenset[Any] = frozenset()


def scalar_size(buffer: Buffer) -> SizeLike:
    """The value of an int64 scalar variable as a size."""
    return sizes.as_size(sizes.Atom("scalar", (buffer,)))


def dynamic_size(value: Expr) -> SizeLike:
    """An int64 expression as a size: a position that was looked up."""
    if isinstance(value, SizeValue):
        return value.size
    if isinstance(value, Lit):
        return int(value.value)
    return sizes.as_size(sizes.Atom("dynamic", (value,)))


def dynamic_parts(index: Index) -> tuple[Expr, ...]:
    """The expressions that an index looks up."""
    found = {a.args[0]: None for n in index for a in sizes.atoms(n) if a.kind == "dynamic"}
    return tuple(found)


def index_names(index: Index) -> frozenset[str]:
    """The loop indices that an index expression mentions."""
    names: set[str] = set()
    for size in index:
        for atom in sizes.atoms(size):
            if atom.kind == "index":
                names.add(atom.args[0])
            elif atom.kind == "dynamic":
                names |= atom.args[0].indices
    return frozenset(names) if names else _NONE


def index_reads(index: Index) -> frozenset[Buffer]:
    """The scalar variables that an index expression mentions."""
    found: set[Buffer] = set()
    for size in index:
        for atom in sizes.atoms(size):
            if atom.kind == "scalar":
                found.add(atom.args[0])
            elif atom.kind == "dynamic":
                found |= atom.args[0].reads
    return frozenset(found) if found else _NONE


def _make(
    cls: type[Any],
    key: tuple[Any, ...],
    dtype: str,
    parts: tuple[Expr, ...] = (),
    indices: frozenset[str] = _NONE,
    reads: frozenset[Buffer] = _NONE,
) -> Any:
    full = (cls, dtype, *key)
    found = _TABLE.get(full)
    if found is None:
        found = object.__new__(cls)
        found.dtype = dtype
        found.serial = next(_serials)
        found.parts = parts
        for part in parts:
            if part.indices:
                indices = indices | part.indices
            if part.reads:
                reads = reads | part.reads
        found.indices = indices
        found.reads = reads
        # operations in the expression written out as a tree, capped: decides where to name it
        found.weight = min(1 + sum(part.weight for part in parts), 1 << 30)
        _TABLE[full] = found
    return found


class Lit(Expr):
    """A literal number."""

    __slots__ = ("value",)
    value: Any


class SizeValue(Expr):
    """A size or index used as an int64 value."""

    __slots__ = ("size",)
    size: SizeLike


class Read(Expr):
    """An element of a buffer."""

    __slots__ = ("buffer", "index")
    buffer: Buffer
    index: Index


class Row(Read):
    """The address of an element, from which a function reads on."""

    __slots__ = ()


class Var(Expr):
    """A named value of an enclosing block."""

    __slots__ = ("name",)
    name: str


class Call(Expr):
    """An operation, given as its C text with `{0}` for the first argument."""

    __slots__ = ("template",)
    template: str


class Select(Expr):
    """`parts[0] ? parts[1] : parts[2]`; only the chosen side is evaluated."""

    __slots__ = ()


class Guard(Select):
    """A select whose sides may only be evaluated when chosen: they can read out of bounds."""

    __slots__ = ()


class Cast(Expr):
    """A conversion with NumPy's meaning; out-of-range floats become the nearest integer."""

    __slots__ = ()


def lit(value: Any, dtype: str) -> Expr:
    expr: Lit = _make(Lit, (repr(value),), dtype)
    expr.value = value
    expr.weight = 0
    return expr


TRUE = lit(True, BOOL)


def size_value(size: SizeLike) -> Expr:
    indices, reads = index_names((size,)), index_reads((size,))
    looked_up = dynamic_parts((size,))
    expr: SizeValue = _make(SizeValue, (size,), INT64, looked_up, indices, reads)
    expr.size = size
    expr.weight = 0
    return expr


def read(buffer: Buffer, index: Index) -> Expr:
    return _element(Read, buffer, index)


def row(buffer: Buffer, index: Index) -> Expr:
    """The elements from `index` on, as an argument of a function."""
    return _element(Row, buffer, index)


def _element(cls: type[Read], buffer: Buffer, index: Index) -> Expr:
    expr: Read = _make(
        cls,
        (buffer, index),
        buffer.dtype,
        dynamic_parts(index),
        indices=index_names(index),
        reads=frozenset((buffer.base,)) | index_reads(index),
    )
    expr.buffer = buffer
    expr.index = index
    return expr


def var(name: str, dtype: str) -> Expr:
    expr: Var = _make(Var, (name,), dtype)
    expr.name = name
    expr.weight = 0
    return expr


# of two equal arguments the one, and what an integer compared with itself answers: a float may be
# nan
_IDEMPOTENT = ("{0} > {1} ? {0} : {1}", "{0} < {1} ? {0} : {1}")
_OF_EQUALS = {"{0} == {1}": True, "{0} <= {1}": True, "{0} >= {1}": True,
              "{0} != {1}": False, "{0} < {1}": False, "{0} > {1}": False}  # fmt: skip


def call(template: str, *args: Expr, dtype: str) -> Expr:
    if len(args) == 2 and args[0] is args[1]:
        if template in _IDEMPOTENT:
            return args[0]
        if template in _OF_EQUALS and not is_inexact(args[0].dtype):
            return lit(_OF_EQUALS[template], BOOL)
    expr: Call = _make(Call, (template, args), dtype, args)
    expr.template = template
    return expr


def select(cond: Expr, a: Expr, b: Expr) -> Expr:
    if a is b:
        return a
    if isinstance(cond, Lit):
        return a if cond.value else b
    expr: Select = _make(Select, (cond, a, b), a.dtype, (cond, a, b))
    return expr


def guard(cond: Expr, a: Expr, b: Expr) -> Expr:
    """`a` where cond holds, else `b`; `a` is not evaluated elsewhere."""
    if isinstance(cond, Lit):
        return a if cond.value else b
    expr: Guard = _make(Guard, (cond, a, b), a.dtype, (cond, a, b))
    return expr


def both(a: Expr, b: Expr) -> Expr:
    """The conjunction of two conditions."""
    if isinstance(a, Lit):
        return b if a.value else a
    if isinstance(b, Lit):
        return a if b.value else b
    # not &&: both are cheap, and gcc 12 was seen to miscompile chains of && in vector loops
    return call("{0} & {1}", a, b, dtype=BOOL)


def cast(x: Expr, dtype: str) -> Expr:
    if x.dtype == dtype:
        return x
    expr: Cast = _make(Cast, (x,), dtype, (x,))
    return expr


def compare(operator: str, a: SizeLike, b: SizeLike) -> Expr:
    """A comparison of two sizes; a literal where their difference decides it."""
    low, high = sizes.bounds(b - a)
    if low == high == 0 or (low is not None and low > 0) or (high is not None and high < 0):
        difference = low if low is not None and low >= 0 else -1
        known = {"==": difference == 0, "<": difference > 0, "<=": difference >= 0}[operator]
        return lit(known, BOOL)
    if (operator == "<=" and low == 0) or (operator == "<" and high == 0):
        return lit(operator == "<=", BOOL)
    return call(f"{{0}} {operator} {{1}}", size_value(a), size_value(b), dtype=BOOL)


def rewrite(expr: Expr, leaf: Any) -> Expr:
    """`expr` with every part for which `leaf` answers an expression replaced by it."""
    memo: dict[Expr, Expr] = {}
    stack = [expr]
    while stack:
        e = stack[-1]
        if e in memo:
            stack.pop()
            continue
        new = leaf(e)
        if new is not None:
            memo[e] = new
            stack.pop()
            continue
        pending = [part for part in e.parts if part not in memo]
        if pending:
            stack.extend(pending)
            continue
        stack.pop()
        memo[e] = with_parts(e, tuple(memo[part] for part in e.parts))
    return memo[expr]


def with_parts(expr: Expr, parts: tuple[Expr, ...]) -> Expr:
    """The same operation on other operands."""
    if parts == expr.parts:
        return expr
    if isinstance(expr, Call):
        return call(expr.template, *parts, dtype=expr.dtype)
    if isinstance(expr, SizeValue):
        return size_value(_looked_up(expr.size, dict(zip(expr.parts, parts, strict=True))))
    if isinstance(expr, Read):
        new = dict(zip(expr.parts, parts, strict=True))
        index = tuple(_looked_up(size, new) for size in expr.index)
        return _element(type(expr), expr.buffer, index)
    if isinstance(expr, Guard):
        return guard(*parts)
    return select(*parts) if isinstance(expr, Select) else cast(parts[0], expr.dtype)


def _looked_up(size: SizeLike, new: dict[Expr, Expr]) -> SizeLike:
    """The size with what it looks up replaced."""

    def replace(atom: sizes.Atom) -> SizeLike | None:
        return dynamic_size(new[atom.args[0]]) if atom.kind == "dynamic" else None

    return sizes.substitute(size, replace)


def walk(expr: Expr) -> Iterator[Expr]:
    """Every distinct part of an expression, itself included."""
    seen = {expr}
    stack = [expr]
    while stack:
        e = stack.pop()
        yield e
        for part in e.parts:
            if part not in seen:
                seen.add(part)
                stack.append(part)
