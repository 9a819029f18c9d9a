"""A pool of graphs that grows by random operations, each evaluated by NumPy as it is made.

Responsible for: inputs, choosing from the pool, what may enter it.
Not responsible for: the operations (`fuzz.basic`, `fuzz.language`, `fuzz.loops`).
"""

from __future__ import annotations

import math
import random
import warnings
from typing import Any

import numpy as np

import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node

SIZES = [0, 1, 2, 3, 3, 4]
# around the lengths of vectors, of rows taken together and of blocks; larger tensors are not made
WIDE_ELEMENTS = 600
WIDE = [1, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 70]
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}
SHORT = ["int8", "uint8", "int32", "uint16", "uint64"]


class Value:
    """A node, what it evaluates to, and whether arithmetic computed that exactly."""

    def __init__(self, node: Node, array: np.ndarray, exact: bool) -> None:
        self.node = node
        self.array = array
        self.exact = exact

    @property
    def floating(self) -> bool:
        return self.node.dtype.startswith("float")


class Skip(Exception):
    """A choice that does not fit; another one is made."""


class Generator:
    """A pool of nodes that grows by random operations; `wide`: over axes of up to 70 elements."""

    def __init__(self, seed: int, wide: bool = False) -> None:
        self.wide = wide
        self.rng = random.Random(seed)
        self.data = np.random.default_rng(seed)
        self.given: dict[Node, np.ndarray] = {}
        self.inputs: list[Value] = []
        self.pool: list[Value] = []
        self.log: list[str] = []
        n, m = self.rng.choice(WIDE if wide else SIZES), self.rng.choice(SIZES)
        for k in range(self.rng.randint(3, 6)):
            self._input(k, n, m)

    # -- inputs -------------------------------------------------------------------------------
    def _input(self, k: int, n: int, m: int) -> None:
        shape = self.rng.choice([(), (n,), (m,), (n, m), (m, n), (1, m), (n, 1), (2, n, m), (n, n),
                                 (n, 1, m), (1, 2, m, n)])  # fmt: skip
        if self.wide and math.prod(shape) > WIDE_ELEMENTS:
            shape = (n,)
        dtype = self.rng.choice(["float64"] * 6 + ["float32", "int64", "int64", "bool", *SHORT])
        if k == 0:
            dtype = "float64"
        # only a length that is declared as 1 stretches
        known = tuple(s if s == 1 or self.rng.random() < 0.2 else None for s in shape)
        node = ct.tensor(f"x{k}", dtype=dtype, shape=known)
        if dtype == "bool":
            array = self.data.integers(0, 2, shape).astype(bool)
        elif "int" in dtype:
            array = self.data.integers(0 if dtype[0] == "u" else -5, 6, shape).astype(dtype)
        else:
            array = (self.data.integers(-12, 13, shape) / 8).astype(dtype)
        self.given[node] = np.asarray(array)
        self.inputs.append(Value(node, self.given[node], True))
        self.pool.append(self.inputs[-1])

    # -- choosing -----------------------------------------------------------------------------
    def pick(self, want: Any = lambda v: True) -> Value:
        found = [v for v in self.pool if want(v)]
        if not found:
            raise Skip
        # recent ones more often, so that graphs become deep
        return found[min(int(self.rng.betavariate(2, 1) * len(found)), len(found) - 1)]

    def number(self, want: Any = lambda v: True) -> Value:
        return self.pick(lambda v: v.node.dtype != "bool" and want(v))

    def floating(self, want: Any = lambda v: True) -> Value:
        return self.pick(lambda v: v.floating and want(v))

    def partner(self, a: Value, want: Any = lambda v: True) -> Value:
        """Something whose shape fits that of `a` by cgrad's rule."""
        return self.pick(lambda v: want(v) and fits(a, v))

    def add(self, what: str, node: Node, exact: bool, want: Any = None) -> Value:
        """The node in the pool; `want` is NumPy's answer from the same arrays, where it has one.

        Skip for a node that is there, has more than 4 axes, or large or infinite elements.
        """
        if node in self.given or any(v.node is node for v in self.pool) or node.ndim > 4:
            raise Skip
        known = {v.node: v.array for v in self.pool} | self.given
        (array,) = evaluate([node], known)
        if self.wide and array.size > WIDE_ELEMENTS:
            raise Skip
        if want is not None:
            self._compare(what, node, array, np.asarray(want))
        if array.dtype.kind == "f":
            if not np.all(np.abs(array) < 1e4):
                raise Skip
            grid = 2.0**10 if array.dtype == np.float64 else 2.0**6
            exact = exact and bool(np.all(array * grid == np.round(array * grid)))
        elif array.dtype.kind in "iu" and not np.all(np.abs(array.astype(float)) < 2**20):
            raise Skip
        value = Value(node, array, exact)
        self.pool.append(value)
        self.log.append(what)
        return value

    def _compare(self, what: str, node: Node, array: np.ndarray, want: np.ndarray) -> None:
        assert array.shape == want.shape, f"{what}: {array.shape}, NumPy {want.shape}"
        assert array.dtype == node.dtype == want.dtype, f"{what}: {array.dtype}, NumPy {want.dtype}"
        narrow = any(v.array.dtype == np.float32 for v in self.pool)
        error = TOLERANCE["float32" if narrow else "float64"]
        scale = max([1.0, *(float(np.abs(v.array).max(initial=0)) for v in self.pool)])
        np.testing.assert_allclose(
            array, want, rtol=error, atol=error * scale**2, err_msg=f"{what} of {node!r}"
        )

    def grow(self) -> Value:
        for _ in range(200):
            build = self.rng.choice(OPERATIONS)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return build(self)
            except Skip:
                continue
        raise Skip


def fits(a: Value, b: Value) -> bool:
    ndim = min(a.node.ndim, b.node.ndim)
    for axis in range(-ndim, 0):
        one = 1 in (a.node.dims[axis], b.node.dims[axis])
        if a.array.shape[axis] != b.array.shape[axis] and not one:
            return False
    return True


OPERATIONS: list[Any] = []


def operation(weight: int = 1) -> Any:
    def register(build: Any) -> Any:
        OPERATIONS.extend([build] * weight)
        return build

    return register
