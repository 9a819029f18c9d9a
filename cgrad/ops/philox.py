"""Philox4x64-10 and what is computed from one random word, by NumPy.

The same bits as `cg_random.h`, where the sources are named; for constant draws and as the oracle
of the tests.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

_MASK = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_BUMPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)


class Place(NamedTuple):
    """Where the elements of a draw stand: key, number of the draw, lane, indices."""

    key: tuple[int, int]
    draw: int
    lane: int
    at: Array


def _high(a: int, b: Array) -> Any:
    """The upper 64 bits of products."""
    a0, a1 = np.uint64(a & 0xFFFFFFFF), np.uint64(a >> 32)
    b0, b1 = b & _MASK, b >> _HALF
    low = a1 * b0 + (a0 * b0 >> _HALF)
    middle = a0 * b1 + (low & _MASK)
    return a1 * b1 + (low >> _HALF) + (middle >> _HALF)


def words(key: tuple[int, int], *counter: Any) -> list[Array]:
    """The four words of each counter, given by its four words."""
    c = [np.array(x, np.uint64) for x in np.broadcast_arrays(*counter)]
    for turn in range(10):
        k0, k1 = (np.uint64((k + turn * b) % 2**64) for k, b in zip(key, _BUMPS, strict=True))
        high, low = zip(
            *((_high(m, x), x * np.uint64(m)) for m, x in zip(_MULTIPLIERS, c[::2], strict=True)),
            strict=True,
        )
        c = [high[1] ^ c[1] ^ k0, low[1], high[0] ^ c[3] ^ k1, low[0]]
    return c


def raw(place: Place) -> Any:
    """One word for each element."""
    block = (place.at >> np.uint64(2)) + np.uint64(1)
    made = np.stack(words(place.key, block, 0, place.draw, place.lane))
    which = (place.at & np.uint64(3)).astype(np.intp)
    return np.take_along_axis(made, which[None], 0)[0]


def unit(word: Array) -> Array:
    """From 0 to below 1."""
    return (word >> np.uint64(11)).astype(np.float64) * 2.0**-53


def inside(word: Array) -> Array:
    """Between 0 and 1, never one of them."""
    return ((word >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


# numerator and denominator, highest power first: near the middle, and in the tail in two parts
_MIDDLE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
     5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0),
)  # fmt: skip
_NEAR = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
     4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940,
     2.05319162663775882187, 1.0),
)  # fmt: skip
_FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580,
     5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def normal_quantile(p: Array) -> Any:
    """Where the standard normal distribution reaches p."""

    def ratio(table: Any, r: Array) -> Any:
        return np.polyval(table[0], r) / np.polyval(table[1], r)

    q = p - 0.5
    r = np.sqrt(-np.log(np.minimum(p, 1 - p)))
    tail = np.where(r <= 5.0, ratio(_NEAR, r - 1.6), ratio(_FAR, r - 5.0))
    return np.where(np.abs(q) <= 0.425, q * ratio(_MIDDLE, 0.180625 - q * q), np.copysign(tail, q))
