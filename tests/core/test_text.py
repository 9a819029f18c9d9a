"""`pp` and `dprint`: exact texts of small graphs, and graphs that are too long to write out."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core import sizes
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build
from cgrad.core.text import dprint, label, pp
from cgrad.ops import axes, windows
from cgrad.ops.constants import Arange, Shared, constant, shared_node, size_node
from cgrad.ops.contract import contract
from cgrad.ops.control import make_scan
from cgrad.ops.elementwise import apply
from cgrad.ops.reductions import Extreme


def window(x, start, length, step=1, drop=False):
    return Node(windows.Slice(x.dims, (start,), (length,), (step,), (drop,)), (x,))


X = make_input(TensorType("float64", (None,)), "x")
M = make_input(TensorType("float64", (None, 3)), "M")
K = make_input(TensorType("int64", ()), "k")
S = make_input(TensorType("float64", ()), "s")
N = X.dims[0]


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (X, "x"),
        (X + 2, "(x + TensorConstant{2})"),
        (2.0 * X, "(TensorConstant{2.0} * x)"),
        (apply("mul", np.float64(2.0), S), "(2.0 * s)"),
        (apply("mul", np.float32(0.1), S), "(0.1 * s)"),
        (X * np.array([1.0, 2.5]), "(x * [1. , 2.5])"),
        (constant(np.arange(50.0)), "[ 0., 1., 2., ..., 47., 48., 49.]"),
        (constant(3.0, name="c") * S, "(c * s)"),
        (-X, "(-x)"),
        (X**2, "(x ** TensorConstant{2})"),
        (X // 2, "(x // TensorConstant{2})"),
        (X > 0, "(x > TensorConstant{0})"),
        (apply("eq", X, X), "(x == x)"),
        (apply("exp", X), "exp(x)"),
        (apply("maximum", X, 0), "maximum(x, TensorConstant{0})"),
        (apply("switch", X > 0, X, 0.0), "switch((x > TensorConstant{0}), x, TensorConstant{0.0})"),
        (build("fill", X, 1.0), "fill(x, TensorConstant{1.0})"),
        (build("cast", X, "float32"), "cast(x, float32)"),
        (K * S, "(k * s)"),
        (axes.sum_axes(X, (0,)), "sum(x)"),
        (axes.sum_axes(M, (0,)), "sum(M, axis=(0,))"),
        (Node(Extreme("max", (1,)), (M,)), "max(M, axis=(1,))"),
        (axes.permute_axes(M, (1, 0)), "M.T"),
        (axes.reshape_to(M, (3, M.dims[0])), "reshape(M, (3, M.shape[0]))"),
        (axes.broadcast_axes(X, (2, N), (1,)), "x"),
        (contract(X, (0,), X, (0,), ()), "dot(x, x)"),
        (window(X, 0, N), "x[:]"),
        (window(X, 1, N - 1), "x[1:]"),
        (window(X, 2, 3, 2), "x[2:8:2]"),
        (window(X, N - 1, N, -1), "x[x.shape[0] - 1::-1]"),
        (window(X, sizes.value(K), 1, 1, True), "x[k]"),
        (windows.join([X, X], 0), "join(x, x, axis=0)"),
        (size_node(N + 1), "x.shape[0] + 1"),
        (build("shape", M), "(M.shape[0], 3)"),
        (Node(Arange(sizes.value(K))), "arange(k)"),
        (make_input(TensorType("float64", (None,))) * 2, "(<float64 vector> * TensorConstant{2})"),
        (make_input(TensorType("int64", ())), "<int64 scalar>"),
        (make_input(TensorType("float32", (None, 2, 2))), "<float32 3-d tensor>"),
        (shared_node(np.zeros(3), "w", None), "w"),
        (shared_node(np.zeros((3, 2)), None, None), "<float64 matrix>"),
    ],
)  # fmt: skip
def test_expressions(node, text):
    assert pp(node) == text
    assert isinstance(shared_node(np.zeros(1), None, None).op, Shared)


def test_named_results_print_their_expression(tensor):
    x = tensor("x")
    a = x + 1
    a.name = "a"
    assert pp(a) == "(x + TensorConstant{1})"
    assert pp(a * a) == "((x + TensorConstant{1}) * (x + TensorConstant{1}))"
    # a message calls it by its name
    assert label(a) == "a"
    assert label(x * 1) == "(x * TensorConstant{1})"


def test_lists_and_what_pp_refuses(tensor):
    x = tensor("x")
    assert pp([x, -x]) == "[x, (-x)]"
    assert pp((x,)) == "(x)"
    with pytest.raises(TypeError, match="fgraph"):
        pp(lambda: 1)


def test_long_and_wide_expressions_are_cut():
    x = make_input(TensorType("float64", ()), "x")
    y = x
    for _ in range(100_000):
        y = apply("sin", y)
    start = time.process_time()
    text = pp(y)
    assert text.startswith("sin(sin(")
    assert text.endswith("...")
    assert len(text) <= 100_003
    assert pp(y, limit=10**7).count("sin") == 100_000
    shared = x
    for _ in range(200):
        shared = shared + shared  # 2**200 leaves
    assert pp(shared, limit=50).endswith("...")
    assert len(pp(shared, limit=50)) == 53
    assert time.process_time() - start < 5


# -- dprint -----------------------------------------------------------------------------------
def text_of(*args, **kwargs):
    return dprint(*args, file="str", **kwargs)


def test_a_tree():
    x = make_input(TensorType("float64", (None,)), "x")
    a = apply("sin", x)
    y = axes.sum_axes(a * a, (0,))
    y.name = "cost"
    assert text_of(y) == (
        "sum{axes=(0,)} [id A] <float64 ()> 'cost'\n"
        " └─ mul [id B] <float64 (x.shape[0],)>\n"
        "     ├─ sin [id C] <float64 (x.shape[0],)>\n"
        "     │   └─ x [id D] <float64 (x.shape[0],)>\n"
        "     └─ sin [id C] <float64 (x.shape[0],)>\n"
        "         └─ ···\n"
    )
    assert text_of(y, print_type=False).splitlines()[1] == " └─ mul [id B]"


def test_several_roots_share_ids():
    x = make_input(TensorType("float64", ()), "x")
    a = apply("sin", x)
    lines = text_of([a, apply("exp", a)], print_type=False).splitlines()
    assert lines == ["sin [id A]", " └─ x [id B]", "exp [id C]", " └─ sin [id A]", "     └─ ···"]


def test_where_it_goes(capsys):
    x = make_input(TensorType("float64", ()), "x")
    assert dprint(x) is None
    assert capsys.readouterr().out == "x [id A] <float64 ()>\n"
    stream = io.StringIO()
    dprint(x, file=stream)
    assert stream.getvalue() == "x [id A] <float64 ()>\n"
    function = SimpleNamespace(maker=SimpleNamespace(fgraph=SimpleNamespace(outputs=[x])))
    assert text_of(function) == "x [id A] <float64 ()>\n"
    with pytest.raises(TypeError, match="dprint"):
        dprint(3)


def test_parameters_in_user_terms():
    assert "slice[1:, ]" not in text_of(window(X, 1, N - 1))
    assert text_of(window(X, 1, N - 1)).startswith("slice[1:] [id A] <float64 (x.shape[0] - 1,)>")
    assert text_of(axes.reshape_to(M, (3, M.dims[0]))).startswith(
        "reshape{shape=(3, M.shape[0])} [id A]"
    )
    assert "TensorConstant{2} [id" in text_of(X + 2)


def test_loops_are_shown_below():
    s = make_input(TensorType("float64", (None,)), "s")
    x0 = make_input(TensorType("float64", ()), "x0")
    carry, item = (make_input(TensorType("float64", ()), name) for name in ("carry", "item"))
    after = carry * item
    found = make_scan([], [x0], [s], [], [carry], [item], [after], [after], s.dims[0], False)
    lines = text_of(found.y(0), print_type=False).splitlines()
    assert lines == [
        "get{position=1} [id A]",
        " └─ scan{carries=1, consts=0, length=s.shape[0], reverse=False, "
        "stops=False, truncate=-1} [id B]",
        "     ├─ x0 [id C]",
        "     └─ s [id D]",
        "",
        "Inner graphs:",
        "",
        "scan{carries=1, consts=0, length=s.shape[0], reverse=False, "
        "stops=False, truncate=-1} [id B]",
        " ← carry [id E]",
        " ← item [id F]",
        " → mul [id G]",
        "    ├─ carry [id E]",
        "    └─ item [id F]",
        " → mul [id G]",
        "    └─ ···",
    ]


def test_deep_trees_are_cut():
    x = make_input(TensorType("float64", ()), "x")
    y = x
    for _ in range(100_000):
        y = apply("sin", y)
    lines = text_of(y).splitlines()
    assert len(lines) == 301
    assert "cut at 300 levels" in lines[-1]
    assert len(text_of(y, depth=2).splitlines()) == 3
    assert len(text_of(apply("sin", x), depth=2).splitlines()) == 2


def test_ids_beyond_z():
    x = make_input(TensorType("float64", ()), "x")
    for _ in range(30):
        x = apply("sin", x)
    text = text_of(x)
    assert "[id Z]" in text
    assert "[id AA]" in text
    assert "[id AE]" in text


def test_ids_and_named_nodes_of_dprint():
    x = ct.dvector("x")
    y = ct.exp(x)
    y.name = "y"
    assert dprint(y + x, id_type="int", print_type=False, stop_on_name=True, file="str") == (
        "add [id 1]\n ├─ exp [id 2] 'y'\n └─ x [id 3]\n"
    )
    assert dprint(-x, id_type="", print_type=False, file="str") == "neg\n └─ x\n"
    with pytest.raises(ValueError, match="id_type"):
        dprint(x, id_type="auto")


def test_dprint_of_sizes_of_several_arguments() -> None:
    x = ct.dvector("x")
    elements = cgrad.jacobian(x**2, x).args[0]
    line = dprint(elements, file="str").splitlines()[0]
    assert line == (
        "overlay{axes=((0, 0),), shape=(x.shape[0], x.shape[0]), starts=((0, 0),), "
        "steps=((1, 1),)} [id A] <float64 (x.shape[0], x.shape[0])>"
    )
