"""Generators that hand on what is left of them, shared ones, and streams that keep their own.

    rng = shared_rng(seed)
    next_rng, x = rng.normal(0.0, 1.0, size=(3,))

Every distribution of `cgrad.tensor.random` is a method of a generator; it gives the generator
after the draw and the draw.  A shared generator changes only by `updates`, or by the
`default_update` that a `RandomStream` gives it.

Responsible for: generators as objects.  Not responsible for: distributions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cgrad.core.dtypes import UINT64
from cgrad.core.node import Node, TensorType, make_input
from cgrad.ops.constants import Shared
from cgrad.ops.random import WORDS
from cgrad.tensor.random import continuous, discrete, families, selection
from cgrad.tensor.random.keys import advanced, fold_in, key, split, words_of
from cgrad.tensor.shared import SharedVariable

DISTRIBUTIONS: dict[str, Callable[..., Node]] = {
    function.__name__: function
    for function in (
        continuous.bits, continuous.cauchy, continuous.exponential, continuous.gumbel,
        continuous.halfcauchy, continuous.halfnormal, continuous.laplace, continuous.logistic,
        continuous.lognormal, continuous.normal, continuous.pareto, continuous.rayleigh,
        continuous.standard_normal, continuous.triangular, continuous.truncexpon,
        continuous.uniform, continuous.weibull, discrete.bernoulli, discrete.betabinom,
        discrete.binomial, discrete.geometric, discrete.hypergeometric, discrete.integers,
        discrete.nbinom, discrete.negative_binomial, discrete.poisson, families.beta,
        families.chisquare, families.dirichlet, families.gamma, families.gengamma,
        families.invgamma, families.multivariate_normal, families.t, families.vonmises,
        families.wald, selection.categorical, selection.choice, selection.multinomial,
        selection.permutation,
    )
}  # fmt: skip


class _Draws:
    """The distributions as methods: (generator after the draw, draw)."""

    __slots__ = ()

    def advanced(self) -> Generator:
        """The generator after one draw."""
        assert isinstance(self, Node)
        node = advanced(self)
        return Generator(node.op, node.args)

    def split(self, num: int = 2) -> Node:
        """See `random.split`."""
        return split(self, num)

    def fold_in(self, data: Any) -> Node:
        """See `random.fold_in`."""
        return fold_in(self, data)


class Generator(_Draws, Node):
    """A generator of the graph: an argument of a function, or what a draw left."""

    __slots__ = ()


class SharedGenerator(_Draws, SharedVariable):
    """A generator with a value of its own."""

    __slots__ = ()

    def seed(self, seed: Any = None) -> None:
        """Begin again from a seed (see `words_of`)."""
        self.set_value(words_of(seed))


class RandomStream:
    """Draws that differ at every call, without `updates`.

    Each method draws from a shared generator of its own, made from the seed and the number of the
    draw, whose `default_update` is the generator after it; `cgrad.function` adds those updates
    unless `no_default_updates` says otherwise.  A draw in the step of a scan is another one at each
    step, and the update is the generator after the last; one made outside is the same at each.

    >>> from cgrad.tensor.random import RandomStream
    >>> x = RandomStream(12).normal(0.0, 1.0, size=(3,))
    """

    def __init__(self, seed: Any = None) -> None:
        self.state_updates: list[tuple[SharedGenerator, Node]] = []
        self._sequence = _sequence(seed)

    def updates(self) -> list[tuple[SharedGenerator, Node]]:
        """The pairs (shared generator, its next value) of all draws so far."""
        return [
            (shared, next_value if shared.default_update is None else shared.default_update)
            for shared, next_value in self.state_updates
        ]

    def seed(self, seed: Any = None) -> None:
        """Begin again from a seed, all draws so far with it."""
        self._sequence = _sequence(seed)
        for shared, _ in self.state_updates:
            shared.set_value(words_of(self._sequence.spawn(1)[0]))

    def gen(self, distribution: str | Callable[..., Node], *args: Any, **kwargs: Any) -> Node:
        """A draw of a distribution, given by its name or as a function of generator and `args`."""
        shared = shared_rng(self._sequence.spawn(1)[0])
        draw = DISTRIBUTIONS[distribution] if isinstance(distribution, str) else distribution
        result = draw(shared, *args, **kwargs)
        shared.default_update = shared.advanced()
        self.state_updates.append((shared, shared.default_update))
        return result


def _sequence(seed: Any) -> np.random.SeedSequence:
    return seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)


def _add_methods() -> None:
    for name, function in DISTRIBUTIONS.items():
        setattr(_Draws, name, _method(name, function))
        setattr(RandomStream, name, _stream_method(name, function))


def _method(name: str, function: Callable[..., Node]) -> Callable[..., tuple[Generator, Node]]:
    def method(self: Any, *args: Any, **kwargs: Any) -> tuple[Generator, Node]:
        return self.advanced(), function(self, *args, **kwargs)

    _describe(method, name, function)
    return method


def _stream_method(name: str, function: Callable[..., Node]) -> Callable[..., Node]:
    def method(self: RandomStream, *args: Any, **kwargs: Any) -> Node:
        return self.gen(name, *args, **kwargs)

    _describe(method, name, function)
    return method


def _describe(method: Callable[..., Any], name: str, function: Callable[..., Any]) -> None:
    method.__name__, method.__qualname__, method.__doc__ = name, name, function.__doc__


_add_methods()


def shared_rng(seed: Any = None, name: str | None = None) -> SharedGenerator:
    """A shared generator; its value changes only by updates and `set_value`.

    seed   see `random.key`; or the three words of a generator, uint64
    """
    given = isinstance(seed, np.ndarray) and seed.dtype == np.uint64 and seed.shape == (WORDS,)
    value = seed.copy() if given else words_of(seed)
    type_ = TensorType(UINT64, (WORDS,))
    made = make_input(type_, name, Shared(value), SharedGenerator)
    assert isinstance(made, SharedGenerator)
    return made


def rng(name: str | None = None) -> Generator:
    """A generator as an argument of a function, which is given `random.words_of(seed)`."""
    made = make_input(TensorType(UINT64, (WORDS,)), name, cls=Generator)
    assert isinstance(made, Generator)
    return made


def default_rng(seed: Any = None) -> Generator:
    """The generator `random.key(seed)` with the distributions as methods."""
    node = key(seed)
    return Generator(node.op, node.args)
