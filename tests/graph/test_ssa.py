"""Graphs printed as typed assignments."""

from __future__ import annotations

import re
import time

import cgrad
import cgrad.tensor as ct
from cgrad.graph.ssa import assignments


def test_each_value_has_a_number_a_type_and_its_name() -> None:
    x, w = ct.dvector("x"), ct.dmatrix("w")
    y = ct.tanh(ct.dot(w, x))
    y.name = "hidden"
    f = cgrad.function([x, w], [ct.exp(y) * y, ct.sum(w)], name="layer")
    assert re.sub(r"dot\{.*?\} ", "dot ", str(f.graph)) == (
        "layer(%0 x : float64 (n,), %1 w : float64 (m, p))\n"
        "  where n = x.shape[0], m = w.shape[0], p = w.shape[1]\n"
        "  %2 : float64 (m,) = dot %1 %0\n"
        "  %3 : float64 (m,) = tanh %2   # hidden\n"
        "  %4 : float64 (m,) = exp %3\n"
        "  %5 : float64 (m,) = mul %4 %3\n"
        "  %6 : float64 () = sum{axes=(0, 1)} %1\n"
        "  return %5, %6"
    )


def test_sites_are_shown_on_demand() -> None:
    x = ct.dscalar("x")
    f = cgrad.function([x], ct.exp(x))
    assert "test_ssa.py:" in f.graph.text(sites=True)
    assert "test_ssa.py:" not in f.graph.text()


def test_bodies_are_indented() -> None:
    x, s = ct.dvector("x"), ct.dscalar("s")
    out = cgrad.scan(lambda a, b: a * b + s, x, ct.constant(1.0))
    out = out[0] if isinstance(out, tuple) else out
    lines = str(cgrad.function([x, s], out).graph).splitlines()
    (start,) = (k for k, line in enumerate(lines) if " = scan{" in line)
    assert lines[start].startswith("  %") and lines[start].endswith(" {")
    assert "length=n" in lines[start]
    assert lines[start + 1].startswith("    step(")
    end = lines.index("  }")
    inside = lines[start + 2 : end]
    assert all(line.startswith("      ") for line in inside)
    assert inside[-1].split()[0] == "yield"
    assert lines[-1].startswith("  return %")


def test_graphs_without_inputs_and_free_variables() -> None:
    assert assignments([]) == "f()\n  return"
    x = ct.dscalar("x")
    assert assignments([x * 2.0]).splitlines()[1] == "  %0 : float64 () = x"


def test_shapes_sizes_and_windows() -> None:
    x = ct.dmatrix("x")
    k = ct.lscalar("k")
    text = assignments([x[1:, 0] + x.shape[1], ct.zeros((k,)), x.shape], [x, k])
    assert "(n, m)" in text and "slice[1:" in text
    assert "(%1,)" in text


def test_long_graphs_print_in_linear_time() -> None:
    y = ct.dscalar("x")
    for _ in range(100_000):
        y = ct.sin(y)
    start = time.process_time()
    assert assignments([y]).count("\n") == 100_002
    assert time.process_time() - start < 20
