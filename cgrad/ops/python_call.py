"""A Python function on arrays, called in the middle of a kernel.

The address of a callback is a hidden argument of the kernel, so the text and the cache know nothing
of the function.  The kernel passes pointers to its arrays; the callback copies what it is given and
what it returns, and keeps an exception until the kernel has been left.

Responsible for: the callback and the op.  Not responsible for: what users may pass
(`cgrad.graph.foreign`).
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from cgrad.core import dtypes, exprs, loops, sizes
from cgrad.core.dtypes import NUMPY
from cgrad.core.node import Node, Shape, TensorType
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.constants import Data
from cgrad.ops.kinds import Opaque

Maybe = Node | None
# shapes one after the other, pointers to the elements of the arguments and of the result, and
# what becomes 1 when all went well
_SIGNATURE = ctypes.CFUNCTYPE(
    None,
    ctypes.POINTER(ctypes.c_int64),
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(ctypes.c_int64),
)

# the exception of each thread, from the end of the function to that of its kernel
_RAISED: dict[int, BaseException] = {}

# what there is at an address, for those who compute without C
_BY_ADDRESS: WeakValueDictionary[int, Callback] = WeakValueDictionary()


class Callback(Data):
    """The address of a function as an array of one element.

    function  takes NumPy arrays, returns one array or several, by `ranks`
    takes     (dtype, rank) of each argument
    gives     the dtype of the results, which are stored one after the other
    ranks     of the results
    """

    __slots__ = ("__weakref__", "_thunk", "function", "gives", "ranks", "takes")
    name = "callback"

    def __init__(
        self,
        function: Callable[..., Any],
        takes: tuple[tuple[str, int], ...],
        gives: str,
        ranks: tuple[int, ...],
    ) -> None:
        self.function = function
        self.takes = takes
        self.gives = gives
        self.ranks = ranks
        self._thunk = _SIGNATURE(self._call)
        address = ctypes.cast(self._thunk, ctypes.c_void_p).value
        super().__init__(np.array([address], np.int64))
        _BY_ADDRESS[int(self.value[0])] = self

    def __reduce__(self) -> tuple[Any, ...]:
        return Callback, (self.function, self.takes, self.gives, self.ranks)

    @property
    def label(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def run(self, args: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> list[Any]:
        """The results of the function on arrays, checked against `shapes`."""
        found = self.function(*args)
        results = [found] if len(self.ranks) == 1 else list(found)
        if len(results) != len(self.ranks):
            raise ValueError(
                f"{self.label} has returned {len(results)} arrays, expected {len(self.ranks)}"
            )
        arrays = []
        for k, (result, shape) in enumerate(zip(results, shapes, strict=True)):
            array = np.asarray(result)
            if array.shape != shape:
                raise ShapeError(
                    f"{self.label}: result {k + 1} has shape {array.shape}, expected {shape}"
                )
            if not np.can_cast(array.dtype, NUMPY[self.gives], "same_kind"):
                raise DTypeError(
                    f"{self.label}: result {k + 1} has dtype {array.dtype}, expected {self.gives}"
                )
            arrays.append(array.astype(NUMPY[self.gives]))
        return arrays

    def _call(self, shapes: Any, arrays: Any, done: Any) -> None:
        try:
            place = 0

            def shape(rank: int) -> tuple[int, ...]:
                nonlocal place
                place += rank
                return tuple(shapes[k] for k in range(place - rank, place))

            args = []
            for k, (dtype, rank) in enumerate(self.takes):
                own = shape(rank)
                size = math.prod(own) * NUMPY[dtype].itemsize
                elements = bytearray(ctypes.string_at(arrays[k], size)) if size else bytearray()
                args.append(np.frombuffer(elements, NUMPY[dtype]).reshape(own))
            results = self.run(args, [shape(rank) for rank in self.ranks])
            packed = b"".join(result.tobytes() for result in results)
            if packed:
                ctypes.memmove(arrays[len(self.takes)], packed, len(packed))
        except BaseException as error:  # nothing may pass through the kernel: it is raised behind
            _RAISED[threading.get_ident()] = error
        else:
            done[0] = 1


class PythonCall(Opaque):
    """(callback, arguments) -> the results, of shapes `shapes`; several are one vector."""

    __slots__ = ("gives", "shapes")
    name = "python"
    lowering = "emit"
    size_slots = ("shapes",)
    stores_arguments = True

    def __init__(self, gives: str, shapes: tuple[Shape, ...]) -> None:
        self.gives = gives
        self.shapes = shapes

    @property
    def packed(self) -> Shape:
        """The shape of the result."""
        if len(self.shapes) == 1:
            return self.shapes[0]
        total: Any = 0
        for shape in self.shapes:
            total = total + sizes.product(shape)
        return (total,)

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(self.gives, self.packed)

    def reference(self, address: Any, *args: Any) -> Any:
        shapes: Any = self.shapes  # numbers, where values are computed
        callback = _BY_ADDRESS[int(address[0])]
        results = callback.run([np.array(arg) for arg in args], shapes)
        if len(results) == 1:
            return results[0]
        return np.concatenate([result.ravel() for result in results])

    def exception(self, node: Node) -> BaseException:
        """What is raised when the kernel says that the call failed.

        A handler of signals may raise before the callback has begun, and ctypes drops that. By
        default it is a KeyboardInterrupt.
        """
        return _RAISED.pop(threading.get_ident(), None) or KeyboardInterrupt()

    def _no_rule(self, node: Node) -> NotImplementedError:
        callback = node.args[0].op
        # in the body of a loop the callback is a parameter
        label = f" {callback.label}" if isinstance(callback, Callback) else ""
        return NotImplementedError(
            f"the derivative of the Python function{label} is not known; "
            "pass pullback=... or pushforward=... to wrap_py"
        )

    def jvp(self, node: Node, tangents: Sequence[Maybe]) -> Maybe:
        raise self._no_rule(node)

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Maybe]:
        raise self._no_rule(node)

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return NotImplemented

    # -- lowering -----------------------------------------------------------------------------
    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        callback, *args = node.args
        if 0 in node.dims:
            return
        dims = [n for shape in (*(arg.dims for arg in args), *self.shapes) for n in shape]
        shapes = block.names.buffer("shapes", dtypes.INT64, (max(1, len(dims)),))
        for k, n in enumerate(dims or [0]):
            block.stmts.append(loops.Set(shapes, (k,), exprs.size_value(block.resolve(n))))
        address = block.pull(callback, (0,))
        rows = [(address.buffer, address.index), (shapes, (0,))]
        for arg in args:
            rows.append(_first(_stored(block, arg)))
        out = place.buffer
        if not node.ndim:
            # a variable has no address
            out = block.names.buffer("result", node.dtype, (1,))
        call = loops.Invoke("cg_python", (), tuple(rows), (_first(out),))
        call.checked = -1 if node.tag is None else node.tag
        call.note = why
        block.stmts.append(call)
        if not node.ndim:
            value = exprs.read(out, (0,))
            block.stmts.append(loops.Set(place.buffer, place.index(()), value))


def _stored(block: Any, node: Node) -> exprs.Buffer:
    """A buffer with the elements of a node in order."""
    shape = tuple(block.resolve(n) for n in node.dims)
    # a scalar would be a variable, which has no address, and nothing would have no memory
    shape = (1,) if not shape or 0 in shape else shape
    buffer: exprs.Buffer = block.names.buffer(node.name or "argument", node.dtype, shape)

    def element(index: Any) -> list[loops.Stmt]:
        return [loops.Set(buffer, index or (0,), block.pull(node, index))]

    block.stmts += block.nest(node.dims, element, "")
    return buffer


def _first(buffer: exprs.Buffer) -> tuple[exprs.Buffer, tuple[int, ...]]:
    return buffer, (0,) * len(buffer.shape)
