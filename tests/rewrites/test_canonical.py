"""What the canonical form looks like, and what it must not do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core import derive, sizes
from cgrad.core.evaluate import evaluate
from cgrad.core.graphs import toposort
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build
from cgrad.ops.axes import broadcast_axes, reshape_to, sum_axes
from cgrad.ops.coerce import stretch
from cgrad.ops.constants import Constant, constant
from cgrad.ops.elementwise import apply
from cgrad.ops.windows import Slice, Window, part, place
from cgrad.rewrites import simplify


def tensor(name: str, ndim: int = 0, dtype: str = "float64") -> Node:
    return make_input(TensorType(dtype, (None,) * ndim), name)


def show(node: Node) -> str:
    """The graph as text; a stretched constant is its number."""
    if isinstance(node.op, Constant):
        assert not node.op.weak
        return repr(node.op.value.tolist())
    if not node.args:
        return node.name or node.op.name
    if node.op.name == "broadcast" and isinstance(node.args[0].op, Constant):
        return show(node.args[0])
    return f"{node.op.name}({', '.join(map(show, node.args))})"


def simple(node: Node) -> str:
    return show(simplify([node])[0])


def gradient(cost: Node, wrt: Node) -> Node:
    found = derive.vjp([cost], [wrt], [build("second", cost, 1.0)])[0]
    assert found is not None
    return found


X, V, M = tensor("x"), tensor("v", 1), tensor("m", 2)
K = tensor("k", 0, "int64")


@pytest.mark.parametrize("x", [X, V, M], ids=["scalar", "vector", "matrix"])
@pytest.mark.parametrize(
    ("power", "text"),
    [(1, "1.0"), (2, "mul(2.0, {x})"), (3, "mul(3.0, sqr({x}))"), (4, "mul(4.0, pow({x}, 3.0))"),
     (2.5, "mul(2.5, pow({x}, 1.5))")],
)  # fmt: skip
def test_gradient_of_a_power(x: Node, power: Any, text: str) -> None:
    cost = sum_axes(x**power, tuple(range(x.ndim)))
    assert simple(gradient(cost, x)) == text.format(x=x.name)


def test_the_tutorial_form_is_one_product() -> None:
    (new,) = simplify([(apply("second", X**2, 1.0) * 2.0) * X**1])
    assert show(new) == "mul(2.0, x)"
    assert len(toposort([new])) == 3


@pytest.mark.parametrize(
    "keep",
    [lambda x: x * 0, lambda x: x / x, lambda x: x - x, lambda x: x + 0.0, lambda x: 0.0 - x,
     lambda x: apply("eq", x, x), lambda x: 0.1 * (3.0 * x), lambda x: (x + 1) + 2,
     lambda x: x**0.5, lambda x: apply("switch", x > 0, 1, 0) * x,
     lambda x: apply("le", x, x)],
)  # fmt: skip
def test_what_is_not_exact_stays(keep: Any) -> None:
    names = [node.op.name for node in toposort(simplify([keep(X)]))]
    assert len(names) >= 2
    assert "input" in names


@pytest.mark.parametrize("x", [X, V])
def test_masks_are_not_numbers(x: Node) -> None:
    """True + True is True: a rewrite that says 2 * mask gives a gradient of 7 for 6."""
    mask = x > 0
    both = apply("add", mask, mask)
    assert simple(both) == simple(mask)
    assert simple(apply("mul", mask, True)) == simple(mask)
    (value,) = evaluate(simplify([build("cast", both, "float64") * 3]), {x: np.ones((2,) * x.ndim)})
    assert np.all(value == 3)


def test_integers_do_more() -> None:
    assert simple(K * 0) == "0"
    assert simple(K - K) == "0"
    assert simple((K + 1) + 2) == "add(3, k)"
    assert simple(5 - (K + 2)) == "sub(3, k)"
    assert simple(apply("eq", K, K)) == "True"


def test_integer_folding_wraps() -> None:
    assert (
        simple((K + (2**63 - 1)) + 1) == f"sub(k, {2**63 - 1})"
        or simple((K + (2**63 - 1)) + 1) == f"add({-(2**63)}, k)"
    )


def test_float32_constants_stay_float32() -> None:
    x = tensor("x", 1, "float32")
    (new,) = simplify([(x * 0.1) * 2])
    assert new.dtype == "float32"
    assert show(new) == f"mul({float(np.float32(0.1) * np.float32(2))!r}, x)"


def test_work_is_done_before_stretching() -> None:
    (new,) = simplify([apply("exp", stretch(V, (7, *V.dims))) * 2.0])
    assert new.op.name == "broadcast"
    assert show(new.args[0]) == "mul(2.0, exp(v))"


def test_columns_and_rows_are_not_mixed_up() -> None:
    """Broadcasts over different axes, or with axes of length 1, keep their places."""
    n = V.dims[0]
    row, column = stretch(V, (n, n)), broadcast_axes(V, (n, n), (0,))
    one = make_input(TensorType("float64", (1,)), "one")
    wide = stretch(one, (n, n))
    given = {V: np.arange(3.0), one: np.array([5.0])}
    for out in (row * column, row + wide, (row - column) * wide, wide * wide + row):
        before, after = evaluate([out], given), evaluate(simplify([out]), given)
        np.testing.assert_array_equal(after[0], before[0])
    assert simplify([row + wide])[0].op.name == "broadcast"


def test_a_declared_length_of_one_is_kept() -> None:
    one = make_input(TensorType("float64", (1,)), "one")
    v = apply("second", one, broadcast_axes(part(V, 0, 0, (1,)), (1,), (0,)))
    (new,) = simplify([stretch(v * 1, (4,))])
    assert evaluate([new], {V: np.array([2.0]), one: np.zeros(1)})[0].tolist() == [2.0] * 4


def test_an_index_that_may_be_wrong_is_not_dropped() -> None:
    n = V.dims[0]
    inner = part(V, 0, 1, (n - 1,))
    index = Window((n - 1,), (0,), (1,), (1,), (True,))
    out = Node(index.same(Slice), (inner,))
    assert simple(out) == "slice(slice(v))"
    with pytest.raises(IndexError):
        evaluate(simplify([out]), {V: np.array([1.0])})


def test_same_window_of_a_place_in_bounds() -> None:
    whole = Window((4, *V.dims), (1, 0), (2, *V.dims), (1, 1), (False, False))
    rows = reshape_to(M, (2, *V.dims))
    out = Node(whole.same(Slice), (place(rows, whole),))
    assert "place" not in simple(out)


def test_uniform_arrays_are_numbers() -> None:
    assert simple(X * constant(np.full((2, 2), 3.0))) == "broadcast(mul(3.0, x))"
    assert "[0.0, -0.0]" in simple(X * constant([0.0, -0.0]))


def test_values_inside_sizes() -> None:
    k = tensor("k", 0, "int64")
    assert simplify([build("size_node", sizes.value(k * 1))])[0] is k
    (more,) = simplify([build("size_node", sizes.value(k) + 1)])
    assert evaluate([more], {k: 4})[0] == 5


def test_the_negative_of_an_unsigned_integer_is_collected_modulo_its_range() -> None:
    x = ct.tensor("x", dtype="uint16", shape=(None,))
    f = cgrad.function([x], [-x + x, -x + 3 * x, x * 2 - -x])
    given = np.array([0, 1, 7, 65535], np.uint16)
    for got, want in zip(f(given), [given * 0, given * 2, given * 3], strict=True):
        assert got.dtype == np.uint16
        np.testing.assert_array_equal(got, want)


def test_broadcasts_of_one_element_are_stretched_to_the_other_source() -> None:
    """f(broadcast(x), broadcast(y)) -> broadcast(f(x, y)) needs equal shapes inside."""
    one, three = (make_input(TensorType("float64", (n,)), f"n{n}") for n in (1, 3))
    (new,) = simplify([apply("hypot", *(broadcast_axes(x, (2, 3), (1,)) for x in (three, one)))])
    (inner,) = new.args
    assert [arg.dims for arg in inner.args] == [(3,), (3,)]


def test_sums_of_two_constants_and_two_unknowns_keep_both() -> None:
    a, b = tensor("a", 0, "int64"), tensor("b", 0, "int64")
    out = (a + 1) + (b + 2)
    assert evaluate(simplify([out]), {a: 10, b: 20})[0] == 33


@pytest.mark.parametrize(("c", "x"), [(1e200, 1e-300), (1e-200, 1e300)])
def test_constants_whose_product_is_no_number_stay_apart(c: float, x: float) -> None:
    (got,) = evaluate(simplify([c * (c * X)]), {X: x})
    assert got == c * (c * x) != 0
