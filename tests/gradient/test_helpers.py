"""known_grads, subgraph_grad, zero_grad and its kin, undefined and disconnected derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.graphs import toposort
from cgrad.errors import DTypeError
from cgrad.gradient import (
    DisconnectedInputError,
    DisconnectedType,
    GradientError,
    NullType,
    NullTypeGradError,
    Rop,
    disconnected_grad,
    disconnected_type,
    grad,
    grad_clip,
    grad_not_implemented,
    grad_scale,
    grad_undefined,
    hessian,
    jacobian,
    null_type,
    pullback,
    pushforward,
    subgraph_grad,
    undefined_grad,
    zero_grad,
)
from cgrad.ops.passthrough import PassThrough


def run(inputs: list[Any], outputs: Any, *given: Any) -> Any:
    return cgrad.function(inputs, outputs, on_unused_input="ignore")(*given)


# -- known_grads ------------------------------------------------------------------------------
def test_known_grads_alone_are_a_pullback() -> None:
    x = ct.dvector("x")
    y, z = ct.exp(x), x**2
    a, b = ct.dvectors("a", "b")
    ours = grad(None, x, known_grads={y: a, z: b})
    theirs = pullback([y, z], x, [a, b])
    given = [1.0, 2.0], [3.0, 4.0], [5.0, 6.0]
    np.testing.assert_array_equal(run([x, a, b], ours, *given), run([x, a, b], theirs, *given))


def test_a_known_grad_replaces_what_would_have_been_added_up() -> None:
    x = ct.dscalar("x")
    y = x * x
    cost = ct.exp(y) + y + x
    g = grad(cost, [x, y], known_grads={y: ct.constant(10.0)})
    assert run([x], g, 3.0) == [61, 10]
    # keys that the cost does not use are outputs of their own
    other = ct.sin(x)
    h = grad(cost, x, known_grads={other: ct.constant(2.0), y: ct.constant(0.0)})
    np.testing.assert_allclose(run([x], h, 3.0), 1 + 2 * np.cos(3), rtol=1e-15)
    # also for the cost itself, and for an input
    assert run([x], grad(y, x, known_grads={y: ct.constant(5.0)}), 3.0) == 30
    assert run([x], grad(y, x, known_grads={x: ct.constant(5.0)}), 3.0) == 5


def test_known_grads_may_be_disconnected_or_null() -> None:
    x = ct.dscalar("x")
    y = x * x
    assert run([x], grad(y + x, x, known_grads={y: disconnected_type()}), 3.0) == 1
    with pytest.raises(DisconnectedInputError):
        grad(y * 2, x, known_grads={y: disconnected_type()})
    with pytest.raises(NullTypeGradError, match="because"):
        grad(y * 2, x, known_grads={y: NullType("because")()})


@pytest.mark.parametrize(
    ("known", "error"),
    [
        ([("y", 1.0)], TypeError),
        ({"y": 1.0}, TypeError),
        ({"y": np.float64(1.0)}, TypeError),
        ({"y": ct.iscalar("i")}, TypeError),
        ({"y": ct.dvector("v")}, ValueError),
        ({"i": ct.dscalar("d")}, TypeError),
    ],
)
def test_known_grads_are_checked(known: Any, error: type[Exception]) -> None:
    x, i = ct.dscalar("x"), ct.iscalar("i")
    named = {"y": x * x, "i": i}
    pairs = known if isinstance(known, list) else {named[k]: v for k, v in known.items()}
    with pytest.raises(error, match=r"known_grads|float"):
        grad(None, x, known_grads=pairs)


def test_a_cost_is_needed_without_known_grads() -> None:
    for known in (None, {}):
        with pytest.raises(ValueError, match="only together with known_grads"):
            grad(None, ct.dscalar("x"), known_grads=known)


# -- subgraph_grad ----------------------------------------------------------------------------
def test_a_network_by_pieces() -> None:
    x, t = ct.dvectors("x", "t")
    w1 = cgrad.shared(np.random.default_rng(0).normal(size=(3, 4)), "w1")
    w2 = cgrad.shared(np.random.default_rng(1).normal(size=(4, 2)), "w2")
    a1 = ct.tanh(ct.dot(x, w1))
    a2 = ct.tanh(ct.dot(a1, w2))
    cost = ct.sum((a2 - t) ** 2) + ct.sum(w1**2)
    params = [[w2], [w1]]
    ends: list[Any] = [[a1], [x]]
    found, start = [], None
    costs = [ct.sum((a2 - t) ** 2), ct.sum(w1**2)]
    for weights, end, part in zip(params, ends, costs, strict=True):
        gradients, leaving = subgraph_grad(wrt=weights, end=end, start=start, cost=part)
        start = dict(zip(end, leaving, strict=True))
        found += gradients
    given = [1.0, -2.0, 0.5], [0.1, 0.2]
    for a, b in zip(
        run([x, t], found, *given), run([x, t], grad(cost, [w2, w1]), *given), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_subgraph_grad_shows_its_parts_and_checks() -> None:
    x = ct.dscalar("x")
    y = x**2
    (g,), (e,), from_start, from_cost = subgraph_grad(
        [x], [y], {ct.exp(y): ct.constant(1.0)}, y * 3, details=True
    )
    np.testing.assert_allclose(run([x], [g, e], 1.0), [0, np.e + 3], rtol=1e-15)
    assert len(from_start) == len(from_cost) == 2
    assert subgraph_grad([x], [y], cost=y, details=True)[2] is None
    for wrong in (((x,), [y]), ([x], y)):
        with pytest.raises(TypeError, match="list"):
            subgraph_grad(*wrong, cost=y)
    with pytest.raises(TypeError, match="dict"):
        subgraph_grad([x], [y], start=[(y, x)])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="start, cost or both"):
        subgraph_grad([x], [y])


# -- identities -------------------------------------------------------------------------------
IDENTITIES = [
    zero_grad,
    disconnected_grad,
    undefined_grad,
    lambda x: grad_clip(x, -1, 1),
    lambda x: grad_scale(x, 3),
]


@pytest.mark.parametrize("same", IDENTITIES)
def test_values_pass_and_the_op_is_gone_before_lowering(same: Any) -> None:
    for x in (ct.dmatrix("x"), ct.fvector("x"), ct.iscalar("x")):
        f = cgrad.function([x], same(x))
        given = np.ones((2,) * x.ndim, x.dtype)
        np.testing.assert_array_equal(f(given), given)
        assert f(given).dtype == x.dtype
        assert not any(isinstance(n.op, PassThrough) for n in toposort(f.maker.fgraph.outputs))
    assert same(2.0).dtype == "float64"


def test_zero_grad_is_zero_and_connected() -> None:
    x = ct.dscalar("x")
    assert run([x], grad(x * zero_grad(x), x), 3.0) == 3
    assert run([x], grad(zero_grad(x), x), 3.0) == 0
    assert run([x], Rop(x * zero_grad(x), x, ct.constant(1.0)), 3.0) == 3
    assert run([x], grad(grad(x * x * zero_grad(x), x), x), 3.0) == 6


def test_disconnected_grad_is_no_path() -> None:
    x, y = ct.dscalars("x", "y")
    assert run([x], grad(x * disconnected_grad(x), x), 3.0) == 3
    with pytest.raises(DisconnectedInputError, match="disconnected_grad"):
        grad(disconnected_grad(x) * y, x)
    with pytest.raises(DisconnectedInputError):
        Rop(disconnected_grad(x * y), x, ct.constant(1.0))
    assert run([x, y], grad(disconnected_grad(x) * y, [x, y], disconnected_inputs="ignore"), 2, 5)
    with pytest.warns(UserWarning, match="depend"):
        grad(disconnected_grad(x), x, disconnected_inputs="warn")


def test_disconnected_results() -> None:
    x, y = ct.dscalars("x", "y")
    options = {"disconnected_inputs": "ignore"}
    assert grad(y * 1.0, [x, y], return_disconnected="none", **options)[0] is None
    found = grad(y * 1.0, x, return_disconnected="disconnected", **options)
    assert isinstance(found.type, DisconnectedType) and found.type == disconnected_type
    assert repr(found.type) == "DisconnectedType"
    zero = grad(y * 1.0, x, return_disconnected="zero", **options)
    assert run([x], zero, 1.0) == 0
    # zero everywhere is connected
    assert isinstance(grad(ct.floor(x), x, return_disconnected="none").dtype, str)


def test_undefined_gradients_raise_or_are_returned() -> None:
    x, y = ct.dvectors("x", "y")
    cost = ct.sum(undefined_grad(ct.exp(x)) * y) + ct.sum(x * y)
    with pytest.raises(NullTypeGradError, match=r"undefined_grad\(exp\(x\)\)") as raised:
        grad(cost, [x, y])
    assert isinstance(raised.value, (TypeError, GradientError)) and "test_helpers" in str(
        raised.value
    )
    gx, gy = grad(cost, [x, y], null_gradients="return")
    assert isinstance(gx.type, NullType) and "undefined_grad" in gx.type.why_null
    np.testing.assert_allclose(run([x, y], gy, [0.0, 1.0], [1.0, 1.0]), [1, 1 + np.e], rtol=1e-15)
    for derivative in (
        lambda: Rop(cost, x, y),
        lambda: jacobian(cost, x),
        lambda: hessian(cost, x),
    ):
        with pytest.raises(NullTypeGradError):
            derivative()
    with pytest.raises(NullTypeGradError):
        cgrad.function([x], gx)
    with pytest.raises(ValueError, match="undefined"):
        grad(null_type(), x)
    # a derivative that never arrives is not missed
    assert run([x], grad(ct.sum(ct.floor(undefined_grad(x))), x), [1.5]) == 0


def test_undefined_gradients_inside_of_a_loop() -> None:
    x = ct.dvector("x")
    out = cgrad.scan(lambda a, b: b * undefined_grad(a), x, ct.constant(1.0))
    out = out[0] if isinstance(out, tuple) else out
    with pytest.raises(NullTypeGradError):
        grad(out[-1], x)


def test_placeholders_carry_their_reason() -> None:
    x = ct.dmatrix("x")
    for make, text in (
        (grad_not_implemented, "not implemented"),
        (grad_undefined, "no derivative"),
    ):
        node = make("solve", 1, x, "too hard")
        assert isinstance(node.type, NullType)
        assert (node.dtype, node.dims) == (x.dtype, x.dims)
        for part in (text, "solve", "1", "too hard"):
            assert part in node.type.why_null


def test_grad_clip_limits_each_element() -> None:
    x = ct.dvector("x")
    g = grad(ct.sum(grad_clip(x, -1.0, 2.0) ** 2), x)
    np.testing.assert_array_equal(run([x], g, [-3.0, 0.25, 3.0]), [-1, 0.5, 2])
    t = pushforward(grad_clip(x, -1.0, 2.0), x, ct.constant(np.array([9.0])))
    assert run([x], t, [0.0]) == 9
    for low, high in ((2, 1), (float("nan"), 1)):
        with pytest.raises(ValueError, match="lower bound"):
            grad_clip(x, low, high)


def test_grad_scale_multiplies() -> None:
    x = ct.fvector("x")
    y = grad_scale(x, -0.5) ** 2
    assert grad(ct.sum(y), x).dtype == "float32"
    np.testing.assert_array_equal(run([x], grad(ct.sum(y), x), np.float32([1, 2])), [-1, -2])
    np.testing.assert_array_equal(
        run([x], pushforward(y, x, np.float32([1, 1])), np.float32([1, 2])), [-1, -2]
    )


def test_identities_in_a_loop() -> None:
    x = ct.dvector("x")
    out = cgrad.scan(lambda a, b: a * disconnected_grad(b) + grad_scale(b, 2), x, ct.constant(1.0))
    out = out[0] if isinstance(out, tuple) else out
    # y_t = x_t c(y_{t-1}) + y_{t-1} with a doubled derivative
    np.testing.assert_array_equal(run([x], grad(out[-1], x), [2.0, 5.0]), [2, 3])


def test_names_are_where_pytensor_has_them() -> None:
    for name in ("subgraph_grad", "pushforward", "pullback"):
        assert getattr(cgrad, name) is getattr(cgrad.gradient, name)
    assert issubclass(NullTypeGradError, (GradientError, TypeError))
    with pytest.raises(DTypeError):
        grad(None, ct.iscalar("i"), known_grads={ct.dscalar("x"): ct.dscalar("y")})
