"""The text: the same in every process, and compiled to what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from structure import c_of

import cgrad
import cgrad.tensor as ct
from cgrad.codegen.scope import mentioned
from cgrad.pipeline import Program, generate

ROOT = Path(__file__).parents[2]
DETERMINISM = """
import sys, hashlib
sys.path[:0] = ["tests/golden", "tests"]
from programs import PROGRAMS
from cgrad.codegen.scope import mentioned
from cgrad.pipeline import Program, generate
for name, build in PROGRAMS.items():
    program = Program(*build(), name)
    text = generate(program) + repr(program.lookup_fields())
    print(name, hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_text_in_every_process() -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", DETERMINISM],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        )
        for seed in ("0", "1", "42", "777", "random")
    ]
    texts = {process.communicate()[0] for process in running}
    assert all(process.returncode == 0 for process in running)
    assert len(texts) == 1 and len(texts.pop().splitlines()) > 15


def test_the_text_does_not_depend_on_what_was_made_before() -> None:
    def text() -> str:
        x = ct.dvector("x")
        value = ct.sum(ct.tanh(x[1:] * x[:-1]))
        return c_of([x], [value, cgrad.grad(value, x)])

    first = text()
    for _ in range(50):
        ct.dvector("x") + 1
    assert text() == first


def test_a_total_of_one_term_in_a_summing_loop() -> None:
    """A product over an axis of length 1 begins and ends inside the loop that adds up others."""
    x, y = ct.dvector("x"), ct.tensor("y", dtype="float64", shape=(None, 1))
    top = ct.dot(x, y)
    value = ct.sum(ct.concatenate([top, ct.log2(ct.sqr(x) + 0.5) / (ct.sqr(x + top) + 0.5)]))
    f = cgrad.function([x, y], [value, *cgrad.grad(value, [x, y])])
    a, b = np.array([0.5, 1.5]), np.array([[1.0], [2.0]])
    t = a @ b
    want = t.sum() + (np.log2(a**2 + 0.5) / ((a + t) ** 2 + 0.5)).sum()
    np.testing.assert_allclose(f(a, b)[0], want)


def test_small_constant_arrays_among_float32_stores() -> None:
    """gcc 12.2 at -O3 -mavx2 gets nested choices between constants wrong in a loop of four,

    which is what constants read at an index were before they became tables.
    """
    x = ct.tensor("x", dtype="float32", shape=(4,))
    first, second = np.array([-1.0, 0.5, 0.25, 0.25]), np.array([-0.875, 0.125, -1.0, 0.375])
    mean = ct.tanh(ct.sum(x))
    a, b = ct.fill(x, mean), ct.fill(x, 2 * mean)
    sums = [ct.sum(ct.cast(a, "float64") * first), ct.sum(ct.cast(b, "float64") * second)]
    got = cgrad.function([x], [a, sums[0], b, sums[1]])(np.full(4, -0.9, np.float32))
    assert abs(float(got[1])) < 1e-12
    np.testing.assert_allclose(got[3], 2 * np.tanh(-3.6) * second.sum(), rtol=1e-6)


def test_constant_arrays_are_tables() -> None:
    x = ct.dvector("x")
    values = np.linspace(-1.0, 1.0, 30)
    shared = ct.constant(values, name="knots")
    text = generate(Program([x], [x * shared, x + ct.constant(values)], "f"))
    assert text.count("static const double knots[30] = {") == 1
    assert max(map(len, text.splitlines())) <= 100
    got = cgrad.function([x], [x * shared, ct.constant([[1, 2], [3, 4]])[:, x.shape[0] - 29]])(
        values
    )
    np.testing.assert_array_equal(got[0], values**2)
    np.testing.assert_array_equal(got[1], [2, 4])


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_conditions_on_integers_in_small_loops(n: int) -> None:
    """gcc 12.2 at -O3 -mavx2 gets `o[k] = a[k] - b[k] > b[k] && c[k] != 0` wrong."""
    a, b = (ct.tensor(s, dtype="int64", shape=(None, 4, 4)) for s in "ab")
    c = ct.tensor("c", dtype="int64", shape=(4, 4))
    f = cgrad.function([a, b, c], [ct.logical_and(a - b > b, c), ct.or_(a > b, ct.eq(c, 0))])
    rng = np.random.default_rng(n)
    for _ in range(20):
        x, y = (rng.integers(-3, 4, (n, 4, 4)) for _ in range(2))
        z = rng.integers(-1, 2, (4, 4))
        got = f(x, y, z)
        np.testing.assert_array_equal(got[0], (x - y > y) & (z != 0))
        np.testing.assert_array_equal(got[1], (x > y) | (z == 0))


def test_the_tag_of_a_node_is_no_mention_of_a_size() -> None:
    """`[n15]` in a comment made a size of that name a parameter that nothing used."""
    text = "/* exp [n15], sum\n * [n16] */ for (int64_t i = 0; i < n17; ++i) x[i] = 1.0; /* n18 */"
    words = mentioned(text)
    assert {"n17", "x", "i"} <= set(words)
    assert not {"n15", "n16", "n18", "exp"} & set(words)


def test_sizes_of_many_minima_do_not_make_the_file_long() -> None:
    """Each join names the length of the one before twice: written out, 2^12 times in all."""
    x = ct.dvector("x")
    joined = x
    for _ in range(12):
        joined = ct.concatenate([joined[1:3], joined])
    text = generate(Program([x], [joined], "f"))
    assert len(text.split("/* f")[1]) < 30_000
    assert joined.eval({x: [1.0, 2.0]}).size == 25


def test_no_index_is_inside_of_an_empty_axis() -> None:
    empty, i = ct.tensor("x", shape=(0,), dtype="float64"), ct.lvector("i")
    text = c_of([empty, i], [empty[i]])
    assert "return cg_fail(st, CG_INDEX, " in text and " >= 0)" not in text
