"""Names: any text a user may choose, and no text but identifiers in the C."""

from __future__ import annotations

import re

import numpy as np
import pytest
from structure import c_of

import cgrad
import cgrad.tensor as ct
from cgrad.pipeline import Program, generate

HOSTILE = str.split(
    """
    int64_t uint8_t uint64_t double float int bool true NULL CG_OK CG_SHAPE CG_EXPORT
    CG_ABI_H INT64_MAX INT64_MIN INT64_C INFINITY NAN M_PI HUGE_VAL exp expf fabs fabsf
    fmod isnan isinf floor rint sqrt pow memcpy main n m p i j k l t x out out0 in size
    work st rt swap bytes name cg_entry cg_sizes cg_work cg_fail cg_slot cg_array
    cg_status cg_rt cg_max restrict inline asm __asm__ _Bool unix linux _ __ ___x 9 9x sum
    dot v1 v2 exp1 carry row last f for_ static scalar_value y0 gamma pragma omp define
    EOF stdin errno sin cos tan log
    """
)
HOSTILE += [
    "",
    " ",
    "*/ system(1); /*",
    '"; exit(1); //',
    "a\nb",
    "a\\",
    "??/",
    "x" * 300,
    "ä",
    "日本",
    "x;y",
    "%s%n",
    "#define x y",
    "a-b",
    "x[0]",
    "\x00",
    "\u202e",
    "/*",
    "//",
]


def test_every_name_compiles_and_computes() -> None:
    for start in range(0, len(HOSTILE), 24):
        chosen = HOSTILE[start : start + 24]
        xs = [ct.dvector(name) for name in chosen]
        small = ct.fvector(chosen[0])
        total = sum(
            (ct.exp(x) + ct.abs(ct.floor(x)) + ct.maximum(x, 0) % 3 for x in xs), ct.constant(0.0)
        )
        cost = ct.sum(total) + ct.sum(ct.exp(small))
        f = cgrad.function([*xs, small], [cost, *cgrad.grad(cost, xs[:3])])
        value = np.full(2, 0.5)
        got = f(*[value] * len(xs), value.astype("float32"))
        one = np.exp(0.5) + 0.5
        np.testing.assert_allclose(
            got[0], 2 * one * len(xs) + 2 * np.exp(np.float32(0.5)), rtol=1e-6
        )
        np.testing.assert_allclose(got[1], np.exp(value) + 1)


@pytest.mark.parametrize("name", HOSTILE)
def test_scalars_and_loops_with_every_name(name: str) -> None:
    x, k = ct.dvector(name), ct.lscalar(name)
    start = ct.dscalar(name)
    h, _ = cgrad.scan(lambda s, h: ct.tanh(h) * s + k, x[:k], start, name=name)
    text = generate(Program([x, k, start], [h, cgrad.grad(ct.sum(h), x)], "f"))
    body = text[text.index("/* f\n") :]
    assert body.isascii()
    comments = re.findall(r"/\*.*?\*/", body, re.DOTALL)
    assert body.count("/*") == len(comments) == body.count("*/")
    assert all(re.fullmatch(r"[A-Za-z0-9_ \[\],=:*().\n+/-]*", c[2:-2]) for c in comments)
    assert not re.search(r"system\s*\(|exit\s*\(|#define", body)
    assert max(map(len, re.findall(r"\w+", body))) <= 40


@pytest.mark.parametrize(
    "name", ["exp", "main", "cg_entry", "f g", "1st", "ä", "", "int", "x" * 99]
)
def test_names_of_functions(name: str) -> None:
    x = ct.dvector("x")
    f = cgrad.function([x], ct.exp(x), name=name)
    np.testing.assert_allclose(f([0.0]), [1.0])


def test_equal_names_are_told_apart() -> None:
    xs = [ct.dvector("x") for _ in range(4)]
    f = cgrad.function(xs, xs[0] - 2 * xs[1] + 3 * xs[2] - 4 * xs[3])
    assert f([1.0], [10.0], [100.0], [1000.0])[0] == 1 - 20 + 300 - 4000


def test_names_of_the_user_are_seen() -> None:
    weights = ct.dvector("weights")
    assert "weights[i]" in c_of([weights], [ct.exp(weights) * weights])
