"""Coloured sparse results: what a kernel is given so that it computes them.

The places of the elements, their colours and with them some arguments of the kernel depend on the
shapes of the user's arguments, and on integers that say where elements are looked up.  They are
found when a call first has these, and kept.

Responsible for: layouts, and what a function is compiled with.  Not responsible for: patterns and
colours (`cgrad.colouring`), or the conversion of results (`cgrad.sparse_results`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.colouring.compression import Compression, compression
from cgrad.colouring.dependence import places_of
from cgrad.colouring.library import prepare
from cgrad.core import flat, sizes
from cgrad.core.graphs import intern, substitute, toposort
from cgrad.core.node import Input, Node
from cgrad.ops.constants import Shared
from cgrad.sparse.coloured import WAYS, ColouredMatrix, Compressed
from cgrad.sparse.pattern import KEPT, Ints, Stored

LANES = 8
# lengths that stand for what only a call knows, to see how many colours there are, by how many such
# axes an argument has at most; lengths that are declared must not be among them
SAMPLES = {2: (29, 37), 3: (11, 13)}
MANY_AXES = (5, 7)
# pairs of elements of a row with such lengths: of matrices with more there are not few colours
MOST_PAIRS = 4_000_000


class ColouredLayout(Stored):
    """Where the elements of one size are, how they were coloured, and what the kernel is given."""

    def __init__(
        self, found: Compression, lanes: Mapping[str, int], roles: Sequence[str], lower: bool
    ) -> None:
        places = found.places
        kept = places.indices <= places.rows if lower else None
        indptr, indices = places.indptr, places.indices
        if kept is not None:
            counts = np.bincount(places.rows[kept], minlength=places.shape[0])
            indptr, indices = np.concatenate([[0], np.cumsum(counts)]), indices[kept]
        super().__init__(places.shape, indptr, indices)
        self.way = found.way
        self.columns, self.rows = found.columns, found.rows
        by_row = found.in_rows()
        self.by_row = by_row if kept is None else by_row[kept]
        arguments = found.arguments(lanes, kept)
        self.arguments = [arguments[role] for role in roles]
        for array in self.arguments:
            array.flags.writeable = False

    def data(self, values: Any, out: Any = None) -> Any:
        """The stored elements: what the kernel computes."""
        return values

    def of(self, values: Any) -> Any:
        """The matrix of what the kernel computes."""
        return self.matrix(values)


class Coloured:
    """A coloured result of a function.

    expression, wrt  the graph whose dependence is followed; wrt is a variable of its own
    given            the user's arguments, variables of the graph
    roles, lanes     as of `Compressed`
    """

    def __init__(
        self,
        expression: Node,
        wrt: Node,
        given: Sequence[Node],
        ways: Sequence[str],
        ordering: str,
        lower: bool,
    ) -> None:
        self.expression = expression
        self.wrt = wrt
        self.given = list(given)
        self.ways = tuple(ways)
        self.ordering = ordering
        self.lower = lower
        self.roles: list[str] = []
        self.lanes: dict[str, int] = {}
        # shared variables that may be read beside the arguments
        self.shared = [n for n in toposort([expression]) if isinstance(n.op, Shared)]
        self._read: set[int] = set()
        self._layouts: dict[Any, ColouredLayout] = {}

    @property
    def reads_values(self) -> bool:
        """Whether layouts, so far, depended on values of arguments or shared variables."""
        return bool(self._read)

    def __reduce__(self) -> tuple[Any, ...]:
        rows = flat.rows([self.expression, self.wrt, *self.given])
        place = {row.node: k for k, row in enumerate(rows)}
        where = [place[node] for node in (self.expression, self.wrt, *self.given)]
        return _restore, (
            rows, where, (self.ways, self.ordering, self.lower), self.roles, self.lanes,
        )  # fmt: skip

    @property
    def variables(self) -> list[Node]:
        """The arguments, and the shared variables."""
        return [*self.given, *self.shared]

    def key(self, arrays: Sequence[Any]) -> Any:
        """What a layout depends on, of the arguments of a call."""
        everything = [*arrays, *(node.op.storage[0] for node in self.shared)]  # type: ignore[attr-defined]
        shapes = tuple([np.shape(array) for array in everything])
        if not self._read:
            return shapes
        return shapes, *(np.asarray(everything[k]).tobytes() for k in sorted(self._read))

    def layout(self, arrays: Sequence[Any]) -> ColouredLayout:
        """The layout for the arguments of a call."""
        found = self._layouts.get(self.key(arrays))
        return self._made(arrays) if found is None else found

    def idle(self, arrays: Sequence[Any]) -> list[Ints]:
        """Arguments of the kernel with which it makes no pass."""
        given = dict(zip(self.given, arrays, strict=True))
        lengths = {
            role: math.prod(_numbers(node.dims, given) or (0,))
            for role, node in (("rows", self.expression), ("columns", self.wrt))
        }
        return [np.zeros(lengths.get(role, 0), np.int64) for role in self.roles]

    def _made(self, arrays: Sequence[Any]) -> ColouredLayout:
        found, read = self.compressed(arrays)
        assert found is not None
        layout = ColouredLayout(found, self.lanes, self.roles, self.lower)
        variables = self.variables
        more = {k for k, node in enumerate(variables) if node in read}
        if not more <= self._read:
            # keys of earlier layouts leave out what this one was read from
            self._read = self._read | more
            self._layouts = {}
        for old in list(self._layouts)[: max(0, len(self._layouts) - KEPT + 1)]:
            self._layouts.pop(old, None)
        self._layouts[self.key(arrays)] = layout
        return layout

    def compressed(
        self, arrays: Sequence[Any], most: float = math.inf
    ) -> tuple[Compression | None, set[Node]]:
        """How the matrix is compressed, and the variables whose values were read for it.

        None for a matrix with more than `most` pairs of elements of a row.
        """
        given = dict(zip(self.given, arrays, strict=True))
        given.update((node, node.op.storage[0]) for node in self.shared)  # type: ignore[attr-defined]
        places, read = places_of(self.expression, self.wrt, given)
        if places.work > most:
            return None, read
        rows, columns = (_numbers(node.dims, given) for node in (self.expression, self.wrt))
        lanes = self.lanes or {"columns": LANES, "rows": LANES}
        found = compression(places, self.ways, lanes, rows, columns, self.ordering)
        return found, read


def _restore(
    nodes: tuple[Any, ...], where: Sequence[int], options: Any, roles: Any, lanes: Any
) -> Coloured:
    found = [node.node if isinstance(node, flat.Row) else node for node in nodes]
    expression, wrt, *given = (found[k] for k in where)
    new = Coloured(expression, wrt, given, *options)
    new.roles, new.lanes = roles, lanes
    return new


def _numbers(dims: Sequence[Any], given: Mapping[Node, Any]) -> tuple[int, ...] | None:
    """The shape as numbers, None where it is made of more than lengths of arguments."""
    try:
        return tuple(
            sizes.evaluate(n, lambda atom: np.shape(given[atom.args[0]])[atom.args[1]])
            for n in dims
        )
    except (KeyError, IndexError):
        return None


def prepared(
    matrix: ColouredMatrix, given: Sequence[Node], replaced: Mapping[Node, Node]
) -> tuple[Node, list[Node], Coloured]:
    """The elements as a node, the arguments that it needs besides those given, and the rest.

    replaced   the givens of the function
    """
    prepare()
    expression, wrt = matrix.stand_in()
    if replaced:
        (expression,) = substitute([expression], replaced)
    (expression,) = intern([expression])
    ways = _ways(matrix)
    found = Coloured(expression, wrt, given, ways, matrix.ordering, matrix.lower)
    lanes = LANES
    sample = _sample(found)
    if sample is not None:
        found.ways = ways = (sample.way,)
        lanes = min(LANES, max(1, sample.columns.count, sample.rows.count))
    compressed = Compressed(matrix, ways, lanes, "acyclic" in ways)
    found.roles = [role for role, _ in compressed.arguments]
    found.lanes = compressed.lanes
    return compressed.values, [node for _, node in compressed.arguments], found


def _ways(matrix: ColouredMatrix) -> tuple[str, ...]:
    if matrix.colouring is not None:
        return (matrix.colouring,)
    if matrix.symmetric:
        return ("star",)
    return WAYS if matrix.reversible else ("column",)


def _sample(found: Coloured) -> Compression | None:
    """The compression for made-up lengths, if it has a few colours and two lengths agree on it."""
    results = []
    free = max((sum(not isinstance(k, int) for k in n.dims) for n in found.given), default=0)
    for n in SAMPLES.get(max(free, min(SAMPLES)), MANY_AXES):
        arrays = [
            np.zeros([k if isinstance(k, int) else n for k in node.dims], node.dtype)
            for node in found.given
        ]
        try:
            result, read = found.compressed(arrays, MOST_PAIRS)
        except (ValueError, IndexError, NotImplementedError):
            return None
        if result is None or any(isinstance(node.op, Input) for node in read):
            return None
        results.append(result)
        if all(isinstance(k, int) for node in found.given for k in node.dims):
            return result
    a, b = results
    same = (a.way, a.columns.count, a.rows.count) == (b.way, b.columns.count, b.rows.count)
    return a if same and a.colours <= LANES else None
