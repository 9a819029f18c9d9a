"""Generators of random numbers as tensors, and what every draw begins with.

A generator is a vector of three uint64: two words of key and the number of the next draw.

Responsible for: making generators from seeds and from each other; sizes and parameters of draws.
Not responsible for: distributions, or generators that remember (`cgrad.tensor.random.streams`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

import numpy as np

from cgrad.core import dtypes
from cgrad.core.dtypes import FLOAT64, INT64, UINT64
from cgrad.core.node import Node, Shape
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.axes import broadcast_axes
from cgrad.ops.coerce import Arraylike, as_node, as_shape, broadcast_shape, cast_to, stretch
from cgrad.ops.constants import Data, constant
from cgrad.ops.elementwise import apply
from cgrad.ops.passthrough import Jump
from cgrad.ops.random import WORDS, draw
from cgrad.tensor.creation import arange
from cgrad.tensor.messages import teach

Array = np.ndarray[Any, Any]
P = ParamSpec("P")

# lanes in which generators are made of others; draws use those below
SPLIT, FOLD = 101, 102


def generator_first(function: Callable[P, Node]) -> Callable[P, Node]:
    """Lets the generator be given by name behind the parameters, as PyTensor has it:
    `normal(0.0, 1.0, rng=r)` is `normal(r, 0.0, 1.0)`."""

    @functools.wraps(function)
    def draws(*args: Any, rng: Any = None, **kwargs: Any) -> Node:
        if rng is not None:
            args = (rng, *args)
        # looked at first: without a generator the parameters would be said to be missing
        as_generator(args[0] if args else None, function.__name__)
        return function(*args, **kwargs)

    return draws


def words_of(seed: Any = None) -> Array:
    """The three words of the generator of a seed: what an input made by `rng()` is given.

    seed   an int from 0 on, a sequence of them, a `numpy.random.SeedSequence`, or None for a seed
           from the operating system

    The key is that of `numpy.random.Philox(seed)`.
    """
    if not isinstance(seed, np.random.SeedSequence):
        if isinstance(seed, (bool, float, np.floating)):
            raise TypeError(f"a seed is an int from 0 on, found {seed!r}")
        seed = np.random.SeedSequence(seed)
    return np.array([*seed.generate_state(2, np.uint64), 0], np.uint64)


def key(seed: Any = None) -> Node:
    """A generator with the key of a seed, before its first draw.

    seed   as for `words_of`, or an integer scalar of the graph

    `random.uniform(key(s), size=n)` gives the numbers of
    `numpy.random.Generator(numpy.random.Philox(s)).random(n)`.
    """
    if isinstance(seed, Node):
        return fold_in(key(0), seed)
    # an argument of the kernel: another seed is no other C text
    return Node(Data(words_of(seed)))


def split(rng: Arraylike, num: Any = 2) -> Node:
    """`num` new generators, the rows of a matrix, that depend on nothing but `rng`.

    After the split, draw from the rows and no longer from `rng`.
    """
    return _children(as_generator(rng, "split"), arange(num), SPLIT)


def fold_in(rng: Arraylike, data: Arraylike) -> Node:
    """A new generator from `rng` and an integer; for an array of integers one for each, as rows."""
    which = as_node(data)
    if not dtypes.is_integer(which.dtype):
        raise DTypeError(
            teach(
                f"fold_in: data is {which.dtype}, expected integers",
                "cast it with .astype('int64')",
                [which],
            )
        )
    return _children(as_generator(rng, "fold_in"), cast_to(which, INT64), FOLD)


def _children(rng: Node, which: Node, lane: int) -> Node:
    shape = (*which.dims, WORDS)
    rows = broadcast_axes(which, shape, tuple(range(which.ndim)))
    word = broadcast_axes(constant(np.arange(WORDS)), shape, (which.ndim,))
    return draw("child", rng, shape, (rows, word), lane)


def as_generator(rng: Any, what: str) -> Node:
    """A generator as a node; TypeError for anything else."""
    if isinstance(rng, (Node, np.ndarray)):
        node = as_node(rng)
        sized = node.ndim == 1 and (node.dims[0] == WORDS or not isinstance(node.dims[0], int))
        if node.dtype == UINT64 and sized:
            return node
    raise TypeError(
        teach(
            f"{what}: the first argument is {rng!r:.80}, expected a generator (three uint64)",
            f"make one with random.key(seed), and write random.{what}(key, ...) or rng=key",
        )
    )


def advanced(rng: Node) -> Node:
    """The generator after one draw."""
    return apply("add", rng, constant(np.array([0, 0, 1], np.uint64)))


class Parameters:
    """The shape of a draw and its parameters in that shape.

    size   what the user wrote: None for the common shape of the parameters
    """

    __slots__ = ("nodes", "shape")

    def __init__(self, what: str, size: Any, params: dict[str, Any], dtype: str = FLOAT64) -> None:
        nodes = {name: _parameter(what, name, value, dtype) for name, value in params.items()}
        if size is not None:
            self.shape: Shape = as_shape(size, f"{what}: size")
        elif nodes:
            self.shape = broadcast_shape(list(nodes.values()), what)
        else:
            self.shape = ()
        for name, node in nodes.items():
            _check_fits(what, name, node, self.shape)
        self.nodes = [stretch(node, self.shape) for node in nodes.values()]


def _parameter(what: str, name: str, value: Any, dtype: str) -> Node:
    node = as_node(value)
    if dtype == INT64 and dtypes.is_float(node.dtype):
        raise DTypeError(
            teach(
                f"{what}: {name} is {node.dtype}, expected integers",
                f"cast {name} with .astype('int64')",
                [node],
            )
        )
    return cast_to(node, dtype)


def _check_fits(what: str, name: str, node: Node, shape: Shape) -> None:
    """A parameter never makes a draw larger than its size."""
    offset = len(shape) - node.ndim
    fits = offset >= 0 and all(
        n == 1 or n == m or not (isinstance(m, int) and (isinstance(n, int) or m == 1))
        for n, m in zip(node.dims, shape[max(offset, 0) :], strict=False)
    )
    if not fits:
        raise ShapeError(
            teach(
                f"{what}: {name} has type {node.type!r}, which does not broadcast to the size "
                f"{tuple(shape)}",
                "make the size as large as the parameters, or leave it out",
                [node],
            )
        )


def where_valid(valid: Node, value: Node) -> Node:
    """The value, nan where a parameter is not valid."""
    return apply("switch", valid, value, float("nan"))


def jumping(node: Node) -> Node:
    """A parameter of a draw of integers, whose derivative is undefined."""
    return Node(Jump(), (node,)) if dtypes.is_float(node.dtype) else node


def finished(node: Node, dtype: Any, what: str) -> Node:
    """A draw in the floating dtype that was asked for (None: float64)."""
    wanted = FLOAT64 if dtype is None else dtypes.as_dtype(dtype)
    if not dtypes.is_float(wanted):
        raise DTypeError(f"{what}: dtype is {wanted}, expected float64 or float32")
    return cast_to(node, wanted)
