"""Random numbers as functions of a generator and of the position of an element.

A generator is a vector of three uint64: two words of key, and the number of the draw.  An element
of a draw is a function of these, of its index in row-major order and of parameters, so nothing is
counted while a kernel runs, and a draw fuses with what reads it.

Responsible for: the op, and which C function each kind of draw is.
Not responsible for: distributions (`cgrad.tensor.random`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, exprs
from cgrad.core.dtypes import FLOAT32, FLOAT64, INT64, UINT64
from cgrad.core.exprs import Index
from cgrad.core.node import Node, Shape, TensorType
from cgrad.core.registry import build
from cgrad.core.sizes import SizeLike
from cgrad.ops import rejection
from cgrad.ops.elementwise import apply
from cgrad.ops.kinds import Opaque, Pull
from cgrad.ops.passthrough import undefined
from cgrad.ops.philox import Place, inside, normal_quantile, raw, unit, words

WORDS = 3
Array = np.ndarray[Any, Any]


class Sampler:
    """One kind of draw.

    function   the C function, of key, draw number, lane, index and parameters
    dtype      of the result
    takes      the dtypes of the parameters
    reference  the same by NumPy, of the place of the elements and the parameters
    cost       rough number of additions it costs
    slopes     for each parameter the derivative of the element, as nodes from the draw and the
               parameters; None where it is undefined
    """

    __slots__ = ("cost", "dtype", "function", "reference", "slopes", "takes")

    def __init__(
        self,
        function: str,
        dtype: str,
        takes: Sequence[str],
        reference: Callable[..., Any],
        cost: int,
        slopes: Sequence[Callable[..., Node] | None] = (),
    ) -> None:
        self.function = function
        self.dtype = dtype
        self.takes = tuple(takes)
        self.reference = reference
        self.cost = cost
        self.slopes = tuple(slopes) or (None,) * len(self.takes)


def _child(place: Place, which: Array, word: Array) -> Array:
    made = words(place.key, which.view(np.uint64), 0, place.draw, place.lane)
    return np.where(word == 0, made[0], np.where(word == 1, made[1], np.uint64(0)))


def _integer(place: Place, low: Array, high: Array) -> Array:
    count = high.view(np.uint64) - low.view(np.uint64)
    above = [(int(a) * int(b)) >> 64 for a, b in zip(raw(place).flat, count.flat, strict=True)]
    found = low.view(np.uint64) + np.array(above, np.uint64).reshape(low.shape)
    return np.where(high > low, found.view(np.int64), np.int64(dtypes.limits(INT64)[0]))


def _gamma_slope(x: Node, a: Node) -> Node:
    """The derivative with respect to the shape at which the distribution function stays the same.

    M. Figurnov, S. Mohamed and A. Mnih, "Implicit reparameterization gradients", NeurIPS 2018.
    """
    return -apply("gammainc_shape", 1, a, x) / apply("gamma_density", 0, a, x)


def _log_gamma_slope(log_x: Node, a: Node) -> Node:
    # exp(log_x) may be 0: below, the distribution function is x^a / gamma(a + 1)
    x = apply("exp", apply("maximum", log_x, -40.0))
    near = (apply("digamma", a + 1.0) - log_x) / a
    return apply("switch", apply("lt", log_x, -40.0), near, _gamma_slope(x, a) / x)


SAMPLERS = {
    "bits": Sampler("cg_random_bits", UINT64, (), raw, 60),
    "child": Sampler("cg_random_child", UINT64, (INT64, INT64), _child, 60),
    "unit": Sampler("cg_random_unit", FLOAT64, (), lambda p: unit(raw(p)), 60),
    "unitf": Sampler(
        "cg_random_unitf", FLOAT32, (), lambda p: (raw(p) >> 40).astype("f4") * 2.0**-24, 60
    ),
    "inside": Sampler("cg_random_inside", FLOAT64, (), lambda p: inside(raw(p)), 60),
    "normal": Sampler(
        "cg_random_normal", FLOAT64, (), lambda p: normal_quantile(inside(raw(p))), 100
    ),
    "integer": Sampler("cg_random_integer", INT64, (INT64, INT64), _integer, 65),
    # by rejection
    "gamma": Sampler("cg_random_gamma", FLOAT64, (FLOAT64,), rejection.gamma, 250, [_gamma_slope]),
    "log_gamma": Sampler(
        "cg_random_log_gamma", FLOAT64, (FLOAT64,), rejection.log_gamma, 250, [_log_gamma_slope]
    ),
    "vonmises": Sampler("cg_random_vonmises", FLOAT64, (FLOAT64,), rejection.vonmises, 300),
    "poisson": Sampler("cg_random_poisson", INT64, (FLOAT64,), rejection.poisson, 200),
    "binomial": Sampler("cg_random_binomial", INT64, (INT64, FLOAT64), rejection.binomial, 300),
    "hypergeometric": Sampler(
        "cg_random_hypergeometric", INT64, (INT64,) * 3, rejection.hypergeometric, 600
    ),
}


class Draw(Opaque):
    """Elements of `shape` drawn by a sampler, from a generator and parameters of that shape.

    Draws of one generator in different lanes are independent; in the same lane they use the same
    random words.
    """

    __slots__ = ("lane", "sampler", "shape")
    dependence = "same"
    size_slots = ("shape",)

    def __init__(self, sampler: str, shape: Shape, lane: int = 0) -> None:
        self.sampler = sampler
        self.shape = shape
        self.lane = lane

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"random_{self.sampler}"

    @property
    def kind(self) -> Sampler:
        """The sampler."""
        return SAMPLERS[self.sampler]

    @property
    def cost(self) -> int:
        """See `Sampler`."""
        return self.kind.cost

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(self.kind.dtype, self.shape)

    def equalities(self, node: Node) -> Iterable[tuple[SizeLike, SizeLike, int]]:
        yield node.args[0].dims[0], WORDS, 0
        for arg in node.args[1:]:
            for axis, pair in enumerate(zip(arg.dims, self.shape, strict=True)):
                if pair[0] != pair[1]:
                    yield (*pair, axis)

    def mismatch(self, node: Node, axis: int, found: int, expected: int) -> tuple[str, str] | None:
        return (
            f"a random draw: axis {axis} of a generator or of a parameter has size {found}, "
            f"expected {expected}",
            "a generator is what random.key, shared_rng or rng() gives (three words); parameters "
            "have the shape of the draw, or axes declared to have length 1",
        )

    def reference(self, rng: Array, *params: Array) -> Any:
        concrete: Any = self.shape
        count = int(np.prod(concrete, dtype=np.int64))
        index = np.arange(count, dtype=np.uint64).reshape(concrete)
        key = (int(rng[0]), int(rng[1]))
        with np.errstate(all="ignore"):
            return self.kind.reference(Place(key, int(rng[2]), self.lane, index), *params)

    def connects(self, position: int) -> bool:
        return position > 0

    def _partial(self, node: Node, position: int, t: Node) -> Node:
        slope = self.kind.slopes[position - 1]
        if slope is None:
            return undefined(node.args[position], why_undefined(self.sampler))
        product: Node = build("mul", t, slope(node, *node.args[1:]))
        return product

    def jvp(self, node: Node, tangents: Sequence[Node | None]) -> Node | None:
        total: Node | None = None
        for position, t in enumerate(tangents):
            if t is not None and position > 0:
                part = self._partial(node, position, t)
                total = part if total is None else build("add", total, part)
        return total

    def vjp(self, node: Node, ct: Node, needed: Sequence[bool]) -> list[Node | None]:
        return [
            self._partial(node, position, ct) if wanted and position > 0 else None
            for position, wanted in enumerate(needed)
        ]

    def push_terms(self, node: Node, terms: Sequence[Any]) -> Any:
        return NotImplemented

    def value_at(self, node: Node, index: Index) -> Pull:
        rng, *params = node.args
        parts = []
        for word in range(WORDS):
            parts.append((yield rng, (word,)))
        offset: SizeLike = 0
        for i, n in zip(index, self.shape, strict=True):
            offset = offset * n + i
        parts.append(exprs.size_value(offset))
        for param in params:
            parts.append((yield param, index))
        slots = [f"{{{k}}}" for k in range(len(parts))]
        slots.insert(WORDS, str(self.lane))
        template = f"{self.kind.function}({', '.join(slots)})"
        return exprs.call(template, *parts, dtype=self.kind.dtype)


def why_undefined(sampler: str) -> str:
    """Why a draw has no derivative with respect to its parameters, and what to use."""
    return (
        f"a draw by rejection ({sampler}) jumps where a parameter moves; differentiate the "
        "logarithm of its density (score function), draw from a distribution that is scaled and "
        "shifted, or hold the draw fixed with cgrad.gradient.zero_grad"
    )


def draw(sampler: str, rng: Node, shape: Shape, params: Sequence[Node] = (), lane: int = 0) -> Node:
    """A draw of `shape`; parameters have that shape and the sampler's dtypes."""
    return Node(Draw(sampler, shape, lane), (rng, *params))
