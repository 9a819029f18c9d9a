"""Symbols of any shape as one flat vector of float64, which is what an optimiser moves.

Responsible for: the order of the elements, and checks of what the user gives for symbols.  Not
responsible for: what is computed from them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.core.dtypes import NUMPY
from cgrad.core.node import Node, TensorType, make_input
from cgrad.errors import ShapeError
from cgrad.gradient.arguments import as_nodes, like, require_real
from cgrad.parameters import as_array

Array = np.ndarray[Any, np.dtype[Any]]


def scipy(module: str, what: str) -> Any:
    """A module of SciPy; ImportError that says what needs it where it is not installed."""
    try:
        return importlib.import_module(f"scipy.{module}")
    except ImportError as error:
        raise ImportError(
            f'{what} needs SciPy: pip install scipy, or "cgrad[optimize]" ({error})'
        ) from error


class Variables:
    """What an optimiser changes: symbols, their shapes, and the vector that holds them in turn.

    Attributes: `nodes`; `shapes`; `size`, the length of the vector; `start`, the vector of x0 or
    None.
    """

    def __init__(self, wrt: Any, x0: Any, what: str) -> None:
        self.wrt = wrt
        self.nodes = as_nodes(wrt, f"{what}: wrt")
        if not self.nodes or len(set(self.nodes)) != len(self.nodes):
            raise ValueError(f"{what}: wrt holds no symbol, or one of them twice")
        require_real(self.nodes, f"{what}: wrt")
        self.start: Array | None = None
        if x0 is None:
            self.shapes = [_declared(node, what) for node in self.nodes]
        else:
            arrays = self._arrays(x0, f"{what}: x0")
            self.shapes = [array.shape for array in arrays]
            self.start = _joined(arrays)
        self.lengths = [int(np.prod(shape)) for shape in self.shapes]
        self.size = sum(self.lengths)

    def _arrays(self, given: Any, what: str) -> list[Array]:
        if isinstance(self.wrt, Node):
            given = [given]
        elif not isinstance(given, (list, tuple)) or len(given) != len(self.nodes):
            raise ValueError(
                f"{what} must be a list with one value for each of the {len(self.nodes)} wrt, "
                f"found {given!r:.60}"
            )
        # an optimiser moves numbers of any type as float64
        return [
            as_array(value, node, f"{what} of {node!r}", True, False)
            for value, node in zip(given, self.nodes, strict=True)
        ]

    def flat(self, x: Any, what: str = "x") -> Array:
        """A vector of float64 of the right length; ShapeError for another one."""
        vector = np.asarray(x, np.float64)
        if vector.shape != (self.size,):
            raise ShapeError(
                f"{what} has shape {vector.shape}, expected ({self.size},): the elements of "
                f"{', '.join(map(repr, self.nodes))} in turn, each in row-major order. "
                "Fix: problem.pack(values) makes it"
            )
        return vector

    def pack(self, values: Any) -> Array:
        """The vector of values in the shapes of wrt."""
        arrays = self._arrays(values, "values")
        for array, shape, node in zip(arrays, self.shapes, self.nodes, strict=True):
            if array.shape != shape:
                raise ShapeError(f"the value of {node!r} has shape {array.shape}, expected {shape}")
        return _joined(arrays)

    def arrays(self, vector: Array) -> list[Array]:
        """An array for each symbol, of its dtype; trailing axes of the vector are kept."""
        found, first = [], 0
        for node, shape, length in zip(self.nodes, self.shapes, self.lengths, strict=True):
            part = vector[first : first + length].reshape((*shape, *vector.shape[1:]))
            found.append(part.astype(NUMPY[node.dtype], copy=False))
            first += length
        return found

    def unpack(self, vector: Any) -> Any:
        """The values in the shapes of wrt: an array, or a list or tuple as wrt was given."""
        return like([part.copy() for part in self.arrays(np.asarray(vector))], self.wrt)

    def bounds(self, given: Any, what: str) -> Any:
        """`scipy.optimize.Bounds` of a dict from symbols to (lower, upper); else what is given."""
        if not isinstance(given, Mapping):
            return given
        strange = [key for key in given if key not in self.nodes]
        if strange:
            raise ValueError(f"{what}: bounds for {strange[0]!r}, which is not among wrt")
        pairs = [given.get(node, (-np.inf, np.inf)) for node in self.nodes]
        sides: list[list[Any]] = [[], []]
        for pair, node, shape in zip(pairs, self.nodes, self.shapes, strict=True):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise ValueError(
                    f"{what}: the bounds of {node!r} are {pair!r:.60}, expected (lower, upper)"
                )
            for side, value, none in zip(sides, pair, (-np.inf, np.inf), strict=True):
                value = none if value is None else value
                side.append(spread(value, shape, f"{what}: a bound of {node!r}"))
        return scipy("optimize", what).Bounds(*(np.concatenate(side) for side in sides))


def spread(value: Any, shape: Sequence[int], what: str) -> Array:
    """The value, stretched to a shape as NumPy does, as a vector of float64."""
    array = np.asarray(value, np.float64)
    try:
        return np.broadcast_to(array, tuple(shape)).ravel()
    except ValueError:
        raise ShapeError(
            f"{what} has shape {array.shape}, which does not stretch to {tuple(shape)}"
        ) from None


def _joined(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.asarray(array, np.float64).ravel() for array in arrays])


def _declared(node: Node, what: str) -> tuple[int, ...]:
    shape = tuple(size for size in node.dims if isinstance(size, int))
    if len(shape) < node.ndim:
        raise ValueError(
            f"{what}: the shape of {node!r} is not known. Fix: give x0, or declare the shape: "
            'ct.tensor("x", shape=(3,))'
        )
    return shape


def alike(node: Node, name: str) -> Node:
    """An input of the dtype, the rank and the declared sizes of a node."""
    sizes = tuple(size if isinstance(size, int) else None for size in node.dims)
    return make_input(TensorType(node.dtype, sizes), name)


def values_of(args: Mapping[Node, Any] | None, what: str) -> dict[Node, Array]:
    """Copies of the values of the other inputs, as arrays of their dtypes."""
    if not isinstance(args, (Mapping, type(None))):
        raise TypeError(
            f"{what}: args is {type(args).__name__}, expected a dict from symbols to values"
        )
    return {
        node: as_array(value, node, f"{what}: the value of {node!r}", None, False).copy()
        for node, value in (args or {}).items()
    }
