"""Integer expressions for sizes and indices, kept in a normal form.

A size is a Python `int` or a `Size`: a polynomial with integer coefficients over *atoms*.
Atoms are the sizes of arguments (`dim`), integer scalars of the graph (`value`), loop indices
(`index`, only inside the loop IR), and floor quotients, minima, maxima and wrapped indices of
other sizes.  Two sizes built in different ways from the same atoms compare equal.

An atom may be part of many sizes, and of many parts of one: `concatenate([x[:1], x])` repeated d
times has one with 2^d paths to it.  So walks visit each atom once, and those that are made of
sizes exist once: comparing two of them does not walk.

Responsible for: arithmetic, bounds, substitution, evaluation, text.
Not responsible for: where an atom's value comes from (`codegen.lower`) or its C name
(`codegen.emit`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Union
from weakref import WeakValueDictionary

from cgrad.hashing import digest

if TYPE_CHECKING:
    from cgrad.core.node import Node

SizeLike = Union[int, "Size"]
Bounds = tuple[int | None, int | None]
Label = Callable[["Node"], Hashable]


class Atom:
    """An indivisible part of a size; `args` holds a node and an axis, a name, or sizes."""

    __slots__ = ("__weakref__", "_bounds", "_hash", "args", "depth", "kind", "order")

    def __init__(self, kind: str, args: tuple[Any, ...]) -> None:
        self.kind = kind
        self.args = args
        self.order = Order((kind, *(_order(arg) for arg in args)))
        # how deep minima, quotients and the like are inside of one another
        self.depth: int = 1 + max((arg.depth for arg in args if isinstance(arg, Size)), default=-1)
        self._bounds: Bounds | None = None
        self._hash = hash((kind, args))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Atom) and self.kind == other.kind and self.args == other.args

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return render(as_size(self))


_compound: WeakValueDictionary[tuple[str, tuple[Any, ...]], Atom] = WeakValueDictionary()


def compound(kind: str, args: tuple[Any, ...]) -> Atom:
    """The one atom of a kind of `COMPOUND` that is made of these sizes.

    It mentions only nodes that are older than itself, so none of them keeps it.
    """
    return _compound.setdefault((kind, args), Atom(kind, args))


class Order:
    """Where an atom stands among others; unequal ones are told apart by their hashes."""

    __slots__ = ("_hash", "parts")

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Order) and self._hash == other._hash and self.parts == other.parts

    def __lt__(self, other: Order) -> bool:
        return self.parts < other.parts


def _order(arg: Any) -> Any:
    """A sort key: node serials, numbers and names; sizes by their terms."""
    if isinstance(arg, Size):
        return (1, tuple((tuple(a.order for a in mono), c) for mono, c in arg.terms))
    if isinstance(arg, int):
        return (0, arg)
    if isinstance(arg, str):
        return arg
    return arg.serial


class Size:
    """A polynomial over atoms; build one with the functions below or with `+ - * //`."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: tuple[tuple[tuple[Atom, ...], int], ...]) -> None:
        self.terms = terms
        self._hash = hash(terms)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Size) and self._hash == other._hash and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    @property
    def depth(self) -> int:
        """The largest `depth` of an atom."""
        return max((atom.depth for mono, _ in self.terms for atom in mono), default=0)

    def __add__(self, other: SizeLike) -> SizeLike:
        return _collect([*_terms(self), *_terms(other)])

    __radd__ = __add__

    def __neg__(self) -> SizeLike:
        return _collect((mono, -c) for mono, c in self.terms)

    def __sub__(self, other: SizeLike) -> SizeLike:
        return self + (-other)

    def __rsub__(self, other: SizeLike) -> SizeLike:
        return (-self) + other

    def __mul__(self, other: SizeLike) -> SizeLike:
        return _collect(
            (tuple(sorted((*m1, *m2), key=_atom_order)), c1 * c2)
            for m1, c1 in self.terms
            for m2, c2 in _terms(other)
        )

    __rmul__ = __mul__

    def __floordiv__(self, other: SizeLike) -> SizeLike:
        return floordiv(self, other)

    def __rfloordiv__(self, other: int) -> SizeLike:
        return floordiv(other, self)

    def __repr__(self) -> str:
        return render(self)


def _atom_order(atom: Atom) -> Any:
    return atom.order


def _terms(size: SizeLike) -> Iterable[tuple[tuple[Atom, ...], int]]:
    if isinstance(size, Size):
        return size.terms
    return (((), size),) if size else ()


def _collect(terms: Iterable[tuple[tuple[Atom, ...], int]]) -> SizeLike:
    total: dict[tuple[Atom, ...], int] = {}
    for mono, c in terms:
        total[mono] = total.get(mono, 0) + c
    kept = [(mono, c) for mono, c in total.items() if c]
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    kept.sort(key=lambda term: [a.order for a in term[0]])
    return Size(tuple(kept))


def as_size(atom: Atom) -> Size:
    return Size((((atom,), 1),))


def dim(node: Node, axis: int) -> Size:
    """The length of axis `axis` of an argument whose length is not known before the call."""
    return as_size(Atom("dim", (node, axis)))


def value(node: Node) -> Size:
    """The value of an int64 scalar of the graph."""
    return as_size(Atom("value", (node,)))


def index(name: str) -> Size:
    """The loop index called `name`."""
    return as_size(Atom("index", (name,)))


def floordiv(a: SizeLike, b: SizeLike) -> SizeLike:
    """`a // b` rounded down; b must be positive."""
    if isinstance(b, int):
        if b == 1:
            return a
        if isinstance(a, int):
            return a // b
        if all(c % b == 0 for _, c in a.terms):
            return _collect((mono, c // b) for mono, c in a.terms)
    elif a == b:
        return 1
    elif isinstance(a, Size) and len(b.terms) == 1:
        quotient = _divide_exactly(a, b.terms[0])
        if quotient is not None:
            return quotient
    return 0 if a == 0 else as_size(compound("floordiv", (a, b)))


def quotient(a: SizeLike, b: int) -> SizeLike:
    """`a // b` for b > 0 where the caller knows that a is not negative: plain division in C."""
    result = floordiv(a, b)
    atom = next(iter(atoms(result)), None) if isinstance(result, Size) else None
    if atom is None or atom.kind != "floordiv" or atom.args != (a, b):
        return result
    return as_size(compound("quotient", (a, b)))


def _divide_exactly(a: Size, divisor: tuple[tuple[Atom, ...], int]) -> SizeLike | None:
    """a / divisor when every term of a holds the divisor's atoms, else None."""
    mono, factor = divisor
    result = []
    for term, c in a.terms:
        rest = list(term)
        for atom in mono:
            if atom not in rest:
                return None
            rest.remove(atom)
        if c % factor:
            return None
        result.append((tuple(rest), c // factor))
    return _collect(result)


def minimum(a: SizeLike, b: SizeLike) -> SizeLike:
    smaller = _ordered(a, b)
    if smaller is not None:
        return smaller[0]
    a, b = _without_same(a, b), b
    b = _without_same(b, a)
    smaller = _ordered(a, b)
    if smaller is not None:
        return smaller[0]
    return as_size(compound("min", tuple(sorted((a, b), key=_order_key))))


def _without_same(size: SizeLike, limit: SizeLike) -> SizeLike:
    """What may stand for `size` below `limit`: min(a, c min(a, b) + d) is min(a, c b + d)
    for a >= 0, d >= 0, c >= 1."""
    low, _ = bounds(limit)
    if isinstance(size, int) or low is None or low < 0:
        return size
    for mono, c in size.terms:
        if c < 1 or len(mono) != 1 or mono[0].kind != "min" or limit not in mono[0].args:
            continue
        rest = size - c * as_size(mono[0])
        least, _ = bounds(rest)
        if least is not None and least >= 0:
            a, b = mono[0].args
            return _without_same(rest + c * (b if a == limit else a), limit)
    return size


def maximum(a: SizeLike, b: SizeLike) -> SizeLike:
    larger = _ordered(a, b)
    if larger is not None:
        return larger[1]
    return as_size(compound("max", tuple(sorted((a, b), key=_order_key))))


def _order_key(size: SizeLike) -> Any:
    # serials compare as numbers: as text, 10 would stand before 9
    return _order(size)


def _ordered(a: SizeLike, b: SizeLike) -> tuple[SizeLike, SizeLike] | None:
    """(smaller, larger) when their order holds for every value of the atoms, else None."""
    difference = b - a
    low, high = bounds(difference)
    if low is not None and low >= 0:
        return a, b
    if high is not None and high <= 0:
        return b, a
    return None


def wrap(i: SizeLike, n: SizeLike) -> SizeLike:
    """`i` counted from the end of an axis of length n when negative: i < 0 ? i + n : i."""
    low, high = bounds(i)
    if low is not None and low >= 0:
        return i
    if high is not None and high < 0:
        return i + n
    return as_size(compound("wrap", (i, n)))


def product(factors: Iterable[SizeLike]) -> SizeLike:
    result: SizeLike = 1
    for factor in factors:
        result = result * factor
    return result


def bounds(size: SizeLike) -> Bounds:
    """Constant bounds (low, high) that hold for every value of the atoms; None is unbounded."""
    if isinstance(size, int):
        return size, size
    low: int | None = 0
    high: int | None = 0
    for mono, c in size.terms:
        term = _monomial_bounds(mono)
        if c < 0:
            term = (term[1], term[0])
        low = None if low is None or term[0] is None else low + c * term[0]
        high = None if high is None or term[1] is None else high + c * term[1]
    return low, high


def _monomial_bounds(mono: tuple[Atom, ...]) -> Bounds:
    if not mono:
        return 1, 1
    if len(mono) == 1:
        return _atom_bounds(mono[0])
    low = 1
    for atom in mono:
        bound = _atom_bounds(atom)[0]
        if bound is None or bound < 0:
            return None, None
        low *= bound
    return low, None


def _atom_bounds(atom: Atom) -> Bounds:
    if atom.kind not in COMPOUND:
        return _bounds_of(atom)
    if atom._bounds is None:
        atom._bounds = _bounds_of(atom)
    return atom._bounds


def _bounds_of(atom: Atom) -> Bounds:
    if atom.kind in ("dim", "index", "quotient"):
        return 0, None
    if atom.kind in ("min", "max"):
        (low_a, high_a), (low_b, high_b) = bounds(atom.args[0]), bounds(atom.args[1])
        if atom.kind == "min":
            lows, highs = [low_a, low_b], [h for h in (high_a, high_b) if h is not None]
            return (
                None if None in lows else min(low for low in lows if low is not None),
                min(highs, default=None),
            )
        found = [low for low in (low_a, low_b) if low is not None]
        top = None if high_a is None or high_b is None else max(high_a, high_b)
        return max(found, default=None), top
    if atom.kind in ("value", "scalar"):
        held = atom.args[0]
        known: Bounds = held.bounds if atom.kind == "scalar" else held.op.value_range(held)
        return known
    if atom.kind == "floordiv":
        (low_a, _), (low_b, _) = bounds(atom.args[0]), bounds(atom.args[1])
        if low_a is not None and low_a >= 0 and low_b is not None and low_b >= 0:
            return 0, None
    return None, None


def atoms(size: SizeLike) -> Iterator[Atom]:
    """Every atom of a size, once, those inside other atoms too."""
    stack = [size]
    seen: set[Atom] = set()
    while stack:
        for mono, _ in _terms(stack.pop()):
            for atom in mono:
                if atom not in seen:
                    seen.add(atom)
                    yield atom
                    stack.extend(arg for arg in atom.args if isinstance(arg, Size))


def nodes(size: SizeLike) -> Iterator[Node]:
    """The graph nodes whose size or value a size depends on."""
    for atom in atoms(size):
        if atom.kind in ("dim", "value"):
            yield atom.args[0]


def substitute(size: SizeLike, replace: Callable[[Atom], SizeLike | None]) -> SizeLike:
    """The size with every atom for which `replace` answers a size replaced by it."""
    known: dict[Atom, SizeLike | None] = {}

    def within(size: SizeLike) -> SizeLike:
        if isinstance(size, int):
            return size
        terms: list[tuple[tuple[Atom, ...], int]] = []
        changed = False
        for mono, c in size.terms:
            term: SizeLike = c
            for atom in mono:
                new = of(atom)
                changed = changed or new is not None
                term = term * (as_size(atom) if new is None else new)
            terms.extend(_terms(term))
        return _collect(terms) if changed else size

    def of(atom: Atom) -> SizeLike | None:
        if atom not in known:
            new = replace(atom)
            if new is None and atom.kind in COMPOUND:
                args = tuple(map(within, atom.args))
                new = None if args == atom.args else COMPOUND[atom.kind](*args)
            known[atom] = new
        return known[atom]

    return within(size)


# levels of minima, quotients and the like inside of one another that are written out
_DEEP = 5
QUOTIENTS = ("floordiv", "quotient")
COMPOUND: dict[str, Callable[[SizeLike, SizeLike], SizeLike]] = {
    "floordiv": floordiv,
    "quotient": quotient,  # type: ignore[dict-item]
    "min": minimum,
    "max": maximum,
    "wrap": wrap,
}
_EVALUATE: dict[str, Callable[[int, int], int]] = {
    "floordiv": lambda a, b: a // b if b else 0,
    "quotient": lambda a, b: a // b,
    "min": min,
    "max": max,
    "wrap": lambda i, n: i + n if i < 0 else i,
}


def combine(kind: str, a: int, b: int) -> int:
    """The value of an atom of a kind of `COMPOUND`."""
    return _EVALUATE[kind](a, b)


def evaluate(size: SizeLike, lookup: Callable[[Atom], int]) -> int:
    """The integer a size stands for, given the values of its atoms."""
    if isinstance(size, int):
        return size
    known: dict[Atom, int] = {}

    def within(size: SizeLike) -> int:
        total = 0
        for mono, c in _terms(size):
            for atom in mono:
                c *= of(atom)
            total += c
        return total

    def of(atom: Atom) -> int:
        if atom.kind not in _EVALUATE:
            return lookup(atom)
        if atom not in known:
            known[atom] = _EVALUATE[atom.kind](*map(within, atom.args))
        return known[atom]

    return within(size)


def upper(size: SizeLike, known: Callable[[Atom], bool]) -> SizeLike | None:
    """A size over known atoms that is never smaller than `size`, or None when there is none."""
    return _Extremes(known).of(size, 1)


class _Extremes:
    """Sizes over known atoms that are never smaller (sign 1), or never larger (-1), than others."""

    def __init__(self, known: Callable[[Atom], bool]) -> None:
        self.known = known
        self.found: dict[tuple[Atom, int], SizeLike | None] = {}
        self.is_known: dict[Atom, bool] = {}

    def of(self, size: SizeLike, sign: int) -> SizeLike | None:
        if isinstance(size, int):
            return size
        terms: list[tuple[tuple[Atom, ...], int]] = []
        for mono, c in size.terms:
            term = self._product(mono, sign if c > 0 else -sign)
            if term is None:
                return None
            terms.extend(_terms(c * term))
        return _collect(terms)

    def _product(self, mono: tuple[Atom, ...], sign: int) -> SizeLike | None:
        """The product of the extremes of its factors, when their signs allow to say so."""
        unknown = [atom for atom in mono if not self._knows(atom)]
        lows = [_atom_bounds(atom)[0] for atom in mono]
        signed = [atom for atom, low in zip(mono, lows, strict=True) if low is None or low < 0]
        if unknown and len(mono) > 1:
            # one factor of either sign, among others that are never negative, is at most its bound
            if len(signed) > (sign > 0):
                return None
            if sign < 0 and len(unknown) > 1:
                # two lower bounds below 0 would multiply to a positive number
                return product(low for low in lows if low is not None)
        term: SizeLike = 1
        for atom in mono:
            extreme = self._atom(atom, sign) if atom in unknown else as_size(atom)
            if extreme is None:
                return None
            if len(mono) > 1 and unknown and atom in signed:
                extreme = maximum(0, extreme)
            term = term * extreme
        return term

    def _knows(self, atom: Atom) -> bool:
        if atom not in self.is_known:
            if atom.kind in COMPOUND:
                parts = (inner for arg in atom.args for mono, _ in _terms(arg) for inner in mono)
                self.is_known[atom] = all(map(self._knows, parts))
            else:
                self.is_known[atom] = self.known(atom)
        return self.is_known[atom]

    def _atom(self, atom: Atom, sign: int) -> SizeLike | None:
        key = atom, sign
        if key not in self.found:
            self.found[key] = self._new(atom, sign)
        return self.found[key]

    def _new(self, atom: Atom, sign: int) -> SizeLike | None:
        if atom.kind in QUOTIENTS and isinstance(atom.args[1], int) and atom.args[1] > 0:
            inside = self.of(atom.args[0], sign)
            return None if inside is None else floordiv(inside, atom.args[1])
        if atom.kind not in ("min", "max"):
            return _atom_bounds(atom)[0 if sign < 0 else 1]
        found = [self.of(arg, sign) for arg in atom.args]
        present = [size for size in found if size is not None]
        combine = minimum if atom.kind == "min" else maximum
        if len(present) == 2:
            return combine(present[0], present[1])
        tight = (atom.kind == "min") == (sign > 0)
        return present[0] if present and tight else None


def itself(node: Node) -> Hashable:
    """The label of a node where keys serve within one process: sizes are their own keys."""
    return node


def key(size: SizeLike, label: Label) -> Hashable:
    """A hashable form in which nodes stand as their labels, the same in every process."""
    if isinstance(size, int) or label is itself:
        return size
    known: dict[Atom, Hashable] = {}

    def within(size: SizeLike) -> Hashable:
        if isinstance(size, int):
            return size
        return _in_order([(_in_order([of(a) for a in mono]), c) for mono, c in size.terms])

    def of(atom: Atom) -> Hashable:
        if atom not in known:
            found = _atom_key(atom, label, within)
            # what is deep may have many paths to the same parts, and no walk of its own
            if atom.depth > _DEEP:
                found = digest(repr(found).encode()).hex()
            known[atom] = found
        return known[atom]

    return within(size)


def _in_order(parts: list[Any]) -> tuple[Any, ...]:
    """Keys in an order that does not depend on that of the nodes; most are alone."""
    if len(parts) > 1:
        parts.sort(key=repr)
    return tuple(parts)


def _atom_key(atom: Atom, label: Label, of: Callable[[SizeLike], Hashable]) -> Hashable:
    if atom.kind == "dim":
        return ("dim", label(atom.args[0]), atom.args[1])
    if atom.kind == "value":
        return ("value", label(atom.args[0]))
    parts = [arg if isinstance(arg, str) else of(arg) for arg in atom.args]
    return (atom.kind, *(_in_order(parts) if atom.kind in ("min", "max") else parts))


def _atom_text(atom: Atom) -> str:
    if atom.kind == "dim":
        node, axis = atom.args
        return f"{node.name or 'input'}.shape[{axis}]"
    if atom.kind == "value":
        return atom.args[0].name or "value"
    if atom.kind == "index":
        return str(atom.args[0])
    if atom.kind not in COMPOUND:
        return getattr(atom.args[0], "name", None) or atom.kind
    return compound_text(atom, _atom_text)


def compound_text(atom: Atom, name: Callable[[Atom], str]) -> str:
    """Infix text of a quotient, minimum, maximum or wrapped index; `name` spells atoms.

    A few levels of it; what is deeper is left out.
    """
    if atom.depth > _DEEP:
        return f"{atom.kind}(...)"
    a, b = (render(arg, name) for arg in atom.args)
    if atom.kind not in QUOTIENTS:
        return f"{atom.kind}({a}, {b})"
    a, b = (
        text if isinstance(arg, int) or _is_one_atom(arg) else f"({text})"
        for arg, text in zip(atom.args, (a, b), strict=True)
    )
    return f"({a} // {b})"


def _is_one_atom(size: Size) -> bool:
    return len(size.terms) == 1 and len(size.terms[0][0]) == 1 and size.terms[0][1] == 1


def _loop_index_first(atom: Atom) -> bool:
    return atom.kind != "index"


def render(size: SizeLike, name: Callable[[Atom], str] = _atom_text) -> str:
    """Infix text of a size; `name` spells the atoms (the default as the user knows them)."""
    if isinstance(size, int):
        return str(size)
    text = ""
    parts = [
        ([name(atom) for atom in sorted(mono, key=_loop_index_first)], c) for mono, c in size.terms
    ]
    parts.sort(
        key=lambda part: (not part[0], part[1] < 0, -len(part[0]), abs(part[1]) == 1, part[0])
    )
    for names, c in parts:
        factors = ([str(abs(c))] if abs(c) != 1 or not names else []) + names
        term = " * ".join(factors)
        if text:
            text += (" - " if c < 0 else " + ") + term
        else:
            text = ("-" if c < 0 else "") + term
    return text
