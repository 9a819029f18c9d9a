"""Five functions with the results they must give, bit for bit: what processes under test call.

Responsible for: a number, a vector, a product of matrices, a loop, and a shared variable, at sizes
that are quick.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import cgrad
import cgrad.tensor as ct

__all__ = ["Call", "another", "five"]


class Call:
    """A function, its arguments, and the bytes of its result the first time."""

    def __init__(self, name: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.name = name
        self.function = function
        self.arguments = arguments
        self.want: bytes = np.asarray(function(*arguments)).tobytes()

    def is_right(self) -> bool:
        """Whether it has the same result again."""
        found: bytes = np.asarray(self.function(*self.arguments)).tobytes()
        return found == self.want


def five(size: int = 24, *only: str) -> list[Call]:
    """The five, or those of these names, called once each."""
    rng = np.random.default_rng(size)
    a, x, y = ct.dscalar("a"), ct.dvector("x"), ct.dmatrix("y")
    vector, matrix = rng.normal(size=size), rng.normal(size=(size, size))
    stored = cgrad.shared(rng.normal(size=size), name="stored")

    def loop() -> Any:
        return cgrad.scan(lambda h, v: ct.tanh(h * 0.5 + v), x, ct.constant(0.1))[0]

    programs: dict[str, tuple[list[Any], Callable[[], Any], Any]] = {
        "number": ([a], lambda: a * a + 1.0, 1.5),
        "vector": ([x], lambda: cgrad.grad(ct.sum(ct.exp(-x * x)), x), vector),
        "product": ([y], lambda: y @ ct.tanh(y), matrix),
        "loop": ([x], loop, vector),
        "shared": ([x], lambda: x * stored + ct.sum(stored), vector),
    }
    return [
        Call(name, cgrad.function(inputs, make()), (argument,))
        for name, (inputs, make, argument) in programs.items()
        if not only or name in only
    ]


def another(number: int) -> bool:
    """Compile a function that nobody has compiled before, and call it; whether it is right."""
    x = ct.dvector("x")
    f = cgrad.function([x], x * float(number) + 1.0)
    values = np.arange(5.0)
    return bool(np.array_equal(f(values), values * float(number) + 1.0))
