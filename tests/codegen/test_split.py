"""Long functions in parts: their lengths, and the same bits as in one piece."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad import pipeline
from cgrad.codegen.split import LONGEST, split
from cgrad.pipeline import Program, generate

sys.path.insert(0, str(Path(__file__).parent.parent / "golden"))
from programs import PROGRAMS, SHAPES


def functions(text: str) -> dict[str, int]:
    """The number of statements of each function that the graph gave."""
    found: dict[str, int] = {}
    for name, body in re.findall(
        r"static (?:int64_t|void) (\w+)\([^{;]*\)\n\{\n(.*?)\n\}", text, re.S
    ):
        if not name.startswith("cg_"):
            found[name] = body.count(";\n") + 1
    return found


def _bits(values: Any) -> list[bytes]:
    return [np.asarray(v).tobytes() for v in values]


@pytest.mark.parametrize("name", PROGRAMS)
def test_parts_compute_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, outputs = PROGRAMS[name]()
    whole = cgrad.function(inputs, outputs, name=f"{name}_whole")
    monkeypatch.setattr(pipeline, "split", functools.partial(split, longest=4))
    parts = cgrad.function(inputs, outputs, name=f"{name}_parts")
    rng = np.random.default_rng(0)
    for n in (1, 3, 130):
        given = [
            rng.uniform(0.2, 1.5, shape).astype(x.dtype)
            for x, shape in zip(inputs, SHAPES[name](n), strict=True)
        ]
        assert _bits(parts(*given)) == _bits(whole(*given))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_totals_of_a_loop_that_nobody_reads_are_not_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def step(v: Any, h: Any) -> Any:
        for _ in range(4):
            h = ct.sin(h * v) + a
        return h

    x, a = ct.dvector("x"), ct.dscalar("a")
    cost = ct.sum(cgrad.scan(step, x, a)[0])
    monkeypatch.setattr(pipeline, "split", functools.partial(split, longest=4))
    text = generate(Program([x, a], [cost, ct.grad(cost, x)], "loops"))
    assert text.count("static void part") > 8
    (tmp_path / "loops.c").write_text(text)
    command = ["gcc", "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "loops.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


def scalars(n: int) -> tuple[list[Any], list[Any]]:
    x = ct.dscalar("x")
    y, terms = x, []
    for k in range(n):
        y = ct.sin(y) * x + k
        terms.append(ct.exp(-y))
    total = sum(terms[1:], terms[0])
    return [x], [total, ct.grad(total, x)]


def vectors(n: int) -> tuple[list[Any], list[Any]]:
    x, a = ct.dvector("x"), ct.dscalar("a")
    y = x
    for k in range(n):
        y = ct.sin(y) * x + a * (k + 0.5)
    return [x, a], [y, *ct.grad(ct.sum(y), [x, a])]


def small_sums(n: int) -> tuple[list[Any], list[Any]]:
    x = ct.dvector("x")
    v, total = x, ct.dot(x, x)
    for _ in range(n):
        v = x * (ct.dot(v, x) / (1.0 + ct.dot(v, v)))
        total = total + ct.sum(v)
    return [x], [total]


def long_step(n: int) -> tuple[list[Any], list[Any]]:
    x = ct.dvector("x")

    def step(x_t: Any, h: Any) -> Any:
        for k in range(n):
            h = ct.tanh(h * x_t + 0.01 * k)
        return h

    h = cgrad.scan(step, sequences=[x], outputs_info=[ct.constant(0.1)])[0]
    return [x], [h, ct.grad(h[-1], x)]


@pytest.mark.parametrize("graph", [scalars, vectors, small_sums, long_step])
def test_no_function_is_long(graph: Callable[..., Any]) -> None:
    """Fetching and keeping what crosses a cut apart, which is bounded by the length again."""
    lengths = {n: functions(generate(Program(*graph(n), "f"))) for n in (150, 300)}
    for n, found in lengths.items():
        in_parts = [length for name, length in found.items() if name.startswith("part")]
        assert len(in_parts) >= 2, (n, found)
        assert max(in_parts) <= 4 * LONGEST, (n, found)
    assert len(lengths[300]) <= 2.5 * len(lengths[150])


def test_what_is_short_stays_in_one_piece() -> None:
    assert list(functions(generate(Program(*scalars(20), "f")))) == ["f"]


@pytest.mark.parametrize("graph", [vectors, long_step])
def test_long_loops_compute_the_same_bits(
    graph: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, outputs = graph(12)
    whole = cgrad.function(inputs, outputs, name="whole")
    given = [np.linspace(0.1, 1.0, 77), 0.3][: len(inputs)]
    expected = _bits(whole(*given))
    for longest in (3, 7, 20):
        monkeypatch.setattr(pipeline, "split", functools.partial(split, longest=longest))
        parts = cgrad.function(inputs, outputs, name=f"parts_of_{longest}")
        assert "noinline" in parts.c_source
        assert _bits(parts(*given)) == expected
