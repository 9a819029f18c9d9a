"""Both derivative modes of every op that is not elementwise, to second order.

For each program: the two modes agree (<ct, J t> = <J^T ct, t>), they agree with differences of the
values, and the gradient of a nonlinear function of it is differentiated once more.
"""

from __future__ import annotations

import numpy as np
import pytest

from cgrad.core import sizes
from cgrad.core.derive import jvp, vjp
from cgrad.core.graphs import intern
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.registry import build
from cgrad.ops import axes, contract, control, reductions, windows
from cgrad.ops.constants import Arange, size_node
from cgrad.ops.elementwise import apply

# name -> (shapes of the inputs, program)
PROGRAMS = {}


def program(*shapes):
    def add(f):
        PROGRAMS[f.__name__] = (shapes, f)
        return f

    return add


@program(())
def fill_matrix(x):
    return axes.broadcast_axes(x, (2, 3), ())


@program((3,))
def rows(x):
    return axes.broadcast_axes(x, (4, *x.dims), (1,))


@program((1, 3))
def stretch_first(x):
    return axes.broadcast_axes(x, (5, x.dims[1]), (0, 1))


@program((1, 1))
def stretch_new_and_both(x):
    return axes.broadcast_axes(x, (2, 5, 1), (1, 2))


@program((3, 4))
def sum_first(x):
    return axes.sum_axes(x, (0,))


@program((3, 4, 2))
def sum_outer_two(x):
    return axes.sum_axes(x, (0, 2))


@program((3, 4, 2))
def permute(x):
    return axes.permute_axes(x, (2, 0, 1))


@program((3, 1, 2))
def squeeze(x):
    return axes.squeeze_axes(x, (1,))


@program((3, 4))
def reshape(x):
    return axes.reshape_to(x, (2, 6))


@program((5,), (5,))
def inner(a, b):
    return contract.contract(a, (0,), b, (0,), ())


@program((5,))
def inner_with_itself(a):
    return contract.contract(a, (0,), a, (0,), ())


@program((3, 4), (4,))
def matrix_vector(a, b):
    return contract.contract(a, (0, 1), b, (1,), (0,))


@program((3, 4), (4, 2))
def matrix_matrix(a, b):
    return contract.contract(a, (0, 1), b, (1, 2), (0, 2))


@program((3,), (4,))
def outer(a, b):
    return contract.contract(a, (0,), b, (1,), (0, 1))


@program((3, 4), (4, 3))
def transposed_product(a, b):
    return contract.contract(a, (0, 1), b, (1, 2), (2, 0))


def _window(x, starts, lengths, steps, drops):
    return windows.Slice(x.dims, starts, lengths, steps, drops)


@program((6, 4))
def slice_steps(x):
    return Node(_window(x, (1, 3), (2, 2), (2, -2), (False, False)), (x,))


@program((6, 4))
def slice_integer(x):
    return Node(_window(x, (2, 0), (1, 4), (1, 1), (True, False)), (x,))


@program((6,))
def slice_backwards_to_the_start(x):
    return Node(_window(x, (5,), (6,), (-1,), (False,)), (x,))


@program((2,))
def place(x):
    window = windows.Place((6,), (4,), (2,), (-2,), (False,))
    return Node(window, (x,))


@program((6, 3), (2, 3))
def set_window(x, v):
    window = windows.Update(x.dims, (1, 0), (2, 3), (2, 1), (False, False))
    return Node(window, (x, v))


@program((6,), ())
def inc_window(x, v):
    return windows.increment(x, v, windows.Place(x.dims, (3,), (1,), (1,), (True,)))


@program((2, 3), (4, 3))
def join(a, b):
    return windows.join([a, b, a], 0)


@program((3, 4))
def largest(x):
    return Node(reductions.Extreme("max", (1,)), (x,))


@program((3, 4))
def smallest_of_all(x):
    return Node(reductions.Extreme("min", (0, 1)), (x,))


@program((3, 4))
def narrow_and_back(x):
    return build("cast", build("cast", x, "float64"), "float64")


def _scan(consts, carries, sequences, step, length, reverse=False):
    """step(consts, carries, slices) -> (next carries, ys) over fresh parameters."""
    params = [
        [make_input(v.type) for v in consts],
        [make_input(v.type) for v in carries],
        [make_input(TensorType(v.dtype, v.dims[1:])) for v in sequences],
    ]
    after, ys = step(*params)
    return control.make_scan(
        list(consts), list(carries), list(sequences), *params, after, ys, length, reverse
    )


@program((3,), (), (5, 3))
def scan_final(c, x0, s):
    def step(consts, carries, slices):
        (c,), (x,), (s,) = consts, carries, slices
        total = contract.contract(c, (0,), s, (0,), ())
        return [apply("sin", x * total * 0.1 + x)], []

    return _scan([c], [x0], [s], step, 5).final(0)


@program((3,), (3,), (5, 3))
def scan_outputs_backwards(c, x0, s):
    def step(consts, carries, slices):
        (c,), (x,), (s,) = consts, carries, slices
        y = apply("tanh", c * x + s)
        return [y], [x * s, y * y]

    found = _scan([c], [x0], [s], step, s.dims[0], reverse=True)
    return found.y(0) + found.y(1) * found.history(0) + found.final(0)


@program((4,))
def scan_without_carries(s):
    return _scan([], [], [s], lambda c, k, v: ([], [apply("exp", v[0])]), s.dims[0]).y(0)


@program((3,))
def scan_of_invariant_parts(x):
    """What does not depend on the step is used from outside."""
    root = apply("sqrt", apply("sqr", x) + 1)

    def step(consts, carries, slices):
        return [carries[0] * root], [carries[0]]

    start = build("ones_like", x)
    return _scan([], [start], [], step, 4).y(0)


@program((3,), ())
def scan_two_carries_that_exchange(x, z):
    def step(consts, carries, slices):
        a, b = carries
        return [b * 1.0, apply("sin", a)], [a + b]

    z3 = axes.broadcast_axes(z, x.dims, ())
    found = _scan([], [x, z3], [], step, 3)
    return found.final(0) * found.final(1) + axes.sum_axes(found.y(0), (0,))


@program((3,))
def scan_with_a_counter(x):
    def step(consts, carries, slices):
        k, a = carries
        return [k + 1, a * build("cast", k, "float64") + apply("sin", a)], []

    return _scan([], [build("cast", 1, "int64"), x], [], step, 3).final(1)


@program((2,))
def scan_in_scan(x):
    def outer(consts, carries, slices):
        (a,) = carries

        def inner(consts, carries, slices):
            return [apply("sin", carries[0]) * a], [carries[0]]

        found = _scan([], [a], [], inner, 2)
        return [found.final(0) + axes.sum_axes(found.y(0), (0,))], [a]

    found = _scan([], [x], [], outer, 3)
    return found.final(0) + axes.sum_axes(found.y(0), (0,))


@program((5,))
def scan_over_positions(x):
    """The body reads x at the step's own index."""
    i = make_input(TensorType("int64", ()))
    window = windows.Slice(x.dims, (sizes.value(i),), (1,), (1,), (True,))
    element = Node(window, (x,))
    indices = Node(Arange(x.dims[0]))
    y = apply("sqr", element)
    return control.make_scan([], [], [indices], [], [], [i], [], [y], x.dims[0], reverse=False).y(0)


@program((0, 3))
def scan_of_no_steps(s):
    start = axes.sum_axes(s, (0,)) + 1.0

    def step(consts, carries, slices):
        return [carries[0] * slices[0]], [carries[0]]

    found = _scan([], [start], [s], step, s.dims[0])
    return found.final(0) + axes.sum_axes(found.y(0), (0,))


def _points(shapes, rng):
    return [rng.uniform(0.3, 1.4, shape) for shape in shapes]


def _inputs(shapes, tensor, known):
    return [
        tensor("abc"[k], shape if known else tuple(1 if n == 1 else None for n in shape))
        for k, shape in enumerate(shapes)
    ]


@pytest.mark.parametrize("known", [True, False], ids=["known sizes", "symbolic sizes"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_both_modes_agree_with_differences(name, known, tensor, values):
    shapes, f = PROGRAMS[name]
    rng = np.random.default_rng(3)
    inputs = _inputs(shapes, tensor, known)
    points = _points(shapes, rng)
    directions = _points(shapes, rng)
    y = f(*inputs)
    ts = [tensor(f"t{k}", x.dims) for k, x in enumerate(inputs)]
    ct = tensor("ct", y.dims)
    (pushed,) = jvp([y], inputs, ts)
    pulled = vjp([y], inputs, [ct])
    given = dict(zip(inputs, points, strict=True)) | dict(zip(ts, directions, strict=True))
    value, moved = values([y, pushed], given)
    weights = rng.uniform(0.5, 1.5, value.shape)
    slopes = values(pulled, given | {ct: weights})
    assert moved.shape == value.shape
    for slope, x in zip(slopes, points, strict=True):
        assert slope.shape == x.shape
        assert slope.dtype == x.dtype
    forward = np.sum(weights * moved)
    reverse = sum(np.sum(s * t) for s, t in zip(slopes, directions, strict=True))
    assert forward == pytest.approx(reverse, rel=1e-12)

    def shifted(h):
        near = [x + h * t for x, t in zip(points, directions, strict=True)]
        return values([y], given | dict(zip(inputs, near, strict=True)))[0]

    h = 1e-4
    wide = (shifted(2 * h) - shifted(-2 * h)) / (4 * h)
    narrow = (shifted(h) - shifted(-h)) / (2 * h)
    assert np.allclose(moved, (4 * narrow - wide) / 3, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("known", [True, False], ids=["known sizes", "symbolic sizes"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_second_order(name, known, tensor, values):
    """H t by forward over reverse, reverse over reverse and differences of the gradient."""
    shapes, f = PROGRAMS[name]
    rng = np.random.default_rng(4)
    inputs = _inputs(shapes, tensor, known)
    points, directions = _points(shapes, rng), _points(shapes, rng)
    y = f(*inputs)
    weights = tensor("w", y.dims)
    cost = axes.sum_axes(apply("sin", y * weights), tuple(range(y.ndim)))
    one = build("ones_like", cost)
    slopes = vjp([cost], inputs, [one])
    ts = [tensor(f"t{k}", x.dims) for k, x in enumerate(inputs)]
    forward = jvp(slopes, inputs, ts)
    reverse = vjp(slopes, inputs, ts)
    given = dict(zip(inputs, points, strict=True)) | dict(zip(ts, directions, strict=True))
    given[weights] = rng.uniform(0.5, 1.5, values([y], given)[0].shape)
    first, second = values(forward, given), values(reverse, given)

    def slopes_at(h):
        near = [x + h * t for x, t in zip(points, directions, strict=True)]
        return values(slopes, given | dict(zip(inputs, near, strict=True)))

    h = 1e-4
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        assert np.allclose(a, b, rtol=1e-11, atol=1e-12)
        wide = (slopes_at(2 * h)[k] - slopes_at(-2 * h)[k]) / (4 * h)
        narrow = (slopes_at(h)[k] - slopes_at(-h)[k]) / (2 * h)
        assert np.allclose(a, (4 * narrow - wide) / 3, rtol=1e-8, atol=1e-8)


def test_reductions_share_ties_evenly_and_show_nan(tensor, values):
    x = tensor("x", 1)
    y = Node(reductions.Extreme("max", (0,)), (x,))
    (slope,) = vjp([y], [x], [build("ones_like", y)])
    assert values([slope], {x: [0.0, 2, 2, 1, 2]})[0] == pytest.approx([0, 1 / 3, 1 / 3, 0, 1 / 3])
    with np.errstate(all="ignore"):
        assert np.isnan(values([slope], {x: [0.0, np.nan, 2]})[0]).all()


def test_quantifiers_and_sizes_have_no_derivative(tensor):
    x = tensor("x", 1)
    some = Node(reductions.Quantifier("any", (0,)), (x > 0,))
    y = build("cast", some, "float64") + build("cast", size_node(x.dims[0]), "float64")
    assert vjp([y], [x], [build("ones_like", y)]) == [None]
    assert jvp([y], [x], [build("ones_like", x)]) == [None]


def test_the_largest_of_integers_has_no_derivative(tensor):
    k = tensor("k", 1, "int64")
    y = build("cast", Node(reductions.Extreme("max", (0,)), (k,)), "float64")
    assert vjp([y], [k], [build("ones_like", y)]) == [None]


def test_float32_through_casts_and_sums(tensor, values):
    x = tensor("x", 1, "float32")
    wide = build("cast", x, "float64")
    y = axes.sum_axes(wide * wide, (0,))
    (slope,) = vjp([y], [x], [build("ones_like", y)])
    assert slope.dtype == "float32"
    assert values([slope], {x: np.float32([1, 2])})[0].tolist() == [2, 4]


n = sizes.dim(make_input(TensorType("float64", (None,)), "n"), 0)


@pytest.mark.parametrize(
    ("source", "shape", "places", "want"),
    [
        ((3,), (3,), (0,), lambda ct: ct),
        ((n,), (4, n), (1,), lambda ct: axes.sum_axes(ct, (0,))),
        ((2,), (3, 2), (1,), lambda ct: axes.sum_axes(ct, (0,))),
        ((n,), (n, 2), (0,), lambda ct: axes.sum_axes(ct, (1,))),
        ((), (2, n), (), lambda ct: axes.sum_axes(ct, (0, 1))),
        ((n,), (1, n), (1,), lambda ct: axes.squeeze_axes(ct, (0,))),
        ((), (1, 4), (), lambda ct: axes.squeeze_axes(axes.sum_axes(ct, (1,)), (0,))),
        ((), (4, 1), (), lambda ct: axes.squeeze_axes(axes.sum_axes(ct, (0,)), (0,))),
        ((n,), (4, 1, n), (2,), lambda ct: axes.squeeze_axes(axes.sum_axes(ct, (0,)), (0,))),
        ((1,), (1,), (0,), lambda ct: ct),
        ((1,), (5,), (0,), lambda ct: axes.broadcast_axes(axes.sum_axes(ct, (0,)), (1,), ())),
        ((1,), (2,), (0,), lambda ct: axes.broadcast_axes(axes.sum_axes(ct, (0,)), (1,), ())),
        ((1, n), (5, n), (0, 1),
         lambda ct: axes.broadcast_axes(axes.sum_axes(ct, (0,)), (1, n), (1,))),
        ((n, 1), (3, n, 5), (1, 2),
         lambda ct: axes.broadcast_axes(axes.sum_axes(ct, (0, 2)), (n, 1), (0,))),
        ((1, n), (1, 3, n), (0, 2), lambda ct: axes.sum_axes(ct, (1,))),
    ],
)  # fmt: skip
def test_what_a_broadcast_repeats_is_summed(source, shape, places, want):
    x, ct = (make_input(TensorType("float64", dims)) for dims in (source, shape))
    node = Node(axes.Broadcast(shape, places), (x,))
    found, wanted = intern([node.op.transpose(node, 0, ct), want(ct)])
    assert found is wanted and found.dims == x.dims
