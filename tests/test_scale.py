"""Deep and wide graphs: no pass recurses, and the work of all of them grows with the graph.

Work is counted in Python calls, which no machine makes slower.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from work import count_calls

import cgrad
import cgrad.tensor as ct
from cgrad.cache import toolchain
from cgrad.core import graphs
from cgrad.pipeline import Program, generate

Graph = tuple[list[Any], list[Any]]


def scalar_chain(n: int) -> Graph:
    x = y = ct.dscalar("x")
    for k in range(n):
        y = ct.sin(y) * 0.99 + k
    return [x], [y, cgrad.grad(y, x)]


def vector_chain(n: int) -> Graph:
    x = y = ct.dvector("x")
    for k in range(n):
        y = ct.sin(y) * 0.99 + k
    return [x], [y, cgrad.grad(y.sum(), x)]


def reductions(n: int) -> Graph:
    x = y = ct.dvector("x")
    for k in range(n):
        y = ct.sin(y) - y.sum() * (0.001 * (k + 1))
    return [x], [cgrad.grad(y.sum(), x)]


def wide_sum(n: int) -> Graph:
    x = ct.dvector("x")
    y = ct.sin(x)
    for k in range(n):
        y = y + ct.sin(x * (k + 0.5))
    return [x], [cgrad.grad(y.sum(), x)]


def scalar_outputs(n: int) -> Graph:
    x = ct.dscalar("x")
    return [x], [ct.sin(x * (k + 0.5)) for k in range(n)]


def vector_outputs(n: int) -> Graph:
    x = ct.dvector("x")
    return [x], [ct.sin(x * (k + 0.5)) for k in range(n)]


def vector_inputs(n: int) -> Graph:
    inputs = [ct.dvector(f"x{k}") for k in range(n)]
    y = ct.sin(inputs[0])
    for k, x in enumerate(inputs):
        y = y + ct.sin(x) * (k + 0.5)
    return inputs, cgrad.grad(y.sum(), inputs)


@pytest.mark.parametrize(
    ("graph", "n"),
    [(scalar_chain, 30), (vector_chain, 30), (reductions, 20), (wide_sum, 30),
     (scalar_outputs, 30), (vector_outputs, 30), (vector_inputs, 24)],
)  # fmt: skip
def test_work_is_linear(graph: Callable[[int], Graph], n: int) -> None:
    def everything(n: int) -> Callable[[], object]:
        def run() -> None:
            program = Program(*graph(n), "f")
            program.lookup_fields()
            generate(program)

        return run

    everything(n)()  # what is imported or cached once
    ratio = count_calls(everything(4 * n)) / count_calls(everything(n))
    assert ratio <= 4.8


@contextlib.contextmanager
def recursion_limit(limit: int) -> Iterator[None]:
    """`limit` more frames than there are."""
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def test_no_pass_recurses() -> None:
    scalar_chain(2)
    with recursion_limit(200):
        x = y = ct.dscalar("x")
        for k in range(800):
            y = ct.sin(y) * 0.99 + k
        gradient = cgrad.grad(y, x)
        tangent = cgrad.gradient.Rop(y, x, ct.dscalar("t"))
        program = Program([x], [y, gradient], "f")
        program.lookup_fields()
        assert generate(program).count("sin(") >= 800
        assert cgrad.pp(y).count("sin(") == 800
        assert "sin" in str(cgrad.dprint(gradient, file="str"))
        assert tangent.ndim == 0


def test_a_long_chain_compiles() -> None:
    n = 600
    f = cgrad.function(*scalar_chain(n))
    y, slope = 0.3, 1.0
    import math

    for k in range(n):
        slope *= math.cos(y) * 0.99
        y = math.sin(y) * 0.99 + k
    found, gradient = f(0.3)
    assert abs(found - y) <= 1e-9 * abs(y)
    assert abs(gradient - slope) <= 1e-9 * abs(slope) + 1e-300


def test_long_files_are_optimised_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    # gcc 12 reads wrong columns in some long file with -O1 and vectorised loops
    assert toolchain.size_flags("x;\n" * 100_000) == ()
    for text, last in (
        ("-O1", "-fno-tree-vectorize"),
        ("-Og", "-fno-tree-vectorize"),
        ("-O1 -O2", "-O2"),
        ("", None),
    ):
        monkeypatch.setenv("CGRAD_CFLAGS", text)
        assert next(iter(reversed(toolchain.user_flags())), None) == last


def test_functions_that_are_inlined_count_where_they_are_called() -> None:
    inner = "cg_inline double cg_inner(double x)\n{\n    a;\n    return b;\n}\n"
    outer = "cg_inline double cg_outer(double x) { return cg_inner(cg_inner(x)); }\n"
    few = toolchain.INLINED // 5
    assert toolchain.size_flags(inner + outer + "cg_outer(x);\n" * few) == ()
    assert toolchain.size_flags(inner + outer + "cg_outer(x);\n" * (few + 1)) == ("-DCG_NO_INLINE",)
    x = ct.dvector("x")
    y, many = x, x
    for k in range(10):
        y = ct.exp(y) + k
    for k in range(200):
        many = ct.exp(many) + k
    assert toolchain.size_flags(generate(Program([x], [y], "f"))) == ()
    assert toolchain.size_flags(generate(Program([x], [many], "f"))) == ("-DCG_NO_INLINE",)


def test_elementary_functions_are_ordered_for_gcc() -> None:
    """Not where there are none, and not around the sums of four rows."""
    gcc, clang = (toolchain.Compiler((name,), "") for name in ("/usr/bin/gcc-99", "/usr/bin/clang"))
    x, a = ct.dvector("x"), ct.dmatrix("a")
    smooth, plain, rows = (
        generate(Program(inputs, [y], "f"))
        for inputs, y in (
            ([x], ct.tanh(x)),
            ([x], x * 2.0),
            ([x, a], cgrad.scan(lambda h, a: ct.tanh(a @ h), None, x, [a], n_steps=3)[0]),
        )
    )
    assert "cg_four_rows(" in rows and "cg_tanh(" in rows
    assert toolchain.order_flags(gcc, smooth) == toolchain.ORDER_FLAGS
    for compiler, text in ((gcc, plain), (gcc, rows), (clang, smooth)):
        assert toolchain.order_flags(compiler, text) == ()


def test_a_start_walks_the_graph_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, outputs = scalar_chain(50)
    size = len(graphs.toposort(outputs))
    visited = {"toposort": 0, "rebuild": 0}

    def counted(name: str, add: Callable[[Any], int]) -> None:
        original = getattr(graphs, name)

        def count(*args: Any) -> Any:
            result = original(*args)
            visited[name] += add(result)
            return result

        monkeypatch.setattr(graphs, name, count)

    counted("toposort", len)
    counted("rebuild", lambda node: 1)
    program = Program(inputs, outputs, "f")
    program.lookup_fields()
    assert visited["rebuild"] == size
    # once as it was given, once with equal nodes made one
    assert visited["toposort"] <= 2 * size
