"""Constructors, constants, filled tensors and ranges."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core import sizes
from cgrad.core.graphs import toposort
from cgrad.core.node import TensorType
from cgrad.errors import DTypeError, ShapeError
from cgrad.ops.constants import Arange, Constant, is_weak

SHAPES = {
    "scalar": (),
    "vector": (None,),
    "matrix": (None, None),
    "row": (1, None),
    "col": (None, 1),
    "tensor3": (None, None, None),
    "tensor4": (None, None, None, None),
}
PREFIXES = {"": "float64", "d": "float64", "f": "float32", "l": "int64"}


def static(node):
    return tuple(n if isinstance(n, int) else None for n in node.dims)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_constructors(prefix, kind):
    node = getattr(ct, prefix + kind)("x")
    assert (node.name, node.dtype, static(node)) == ("x", PREFIXES[prefix], SHAPES[kind])
    assert getattr(ct, prefix + kind)().name is None
    assert getattr(ct, prefix + kind).__name__ == prefix + kind


def test_two_symbols_of_one_name_are_two():
    a, b = ct.dvector("x"), ct.dvector("x")
    assert a is not b
    assert a.dims != b.dims


def test_dtype_and_shape_arguments():
    assert ct.vector("x", dtype="float32").dtype == "float32"
    assert ct.vector("x", dtype=np.int64).dtype == "int64"
    assert ct.scalar("x", dtype=bool).dtype == "bool"
    assert static(ct.dmatrix("x", shape=(3, None))) == (3, None)
    assert static(ct.drow("x", shape=(1, 4))) == (1, 4)
    assert static(ct.tensor("t", dtype="bool", shape=(2, None, 1))) == (2, None, 1)
    assert ct.tensor("t", shape=()).dtype == "float64"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: ct.vector(3), TypeError, "name must be a string"),
        (lambda: ct.dvector("x", dtype="float32"), DTypeError, "dvector is of float64"),
        (lambda: ct.dvector("x", shape=(2, 2)), ShapeError, "expected 1 entries"),
        (lambda: ct.drow("x", shape=(2, 3)), ShapeError, "agree with"),
        (lambda: ct.tensor("x", shape=(-1,)), ShapeError, "-1"),
        (lambda: ct.tensor("x", shape=(2.5,)), ShapeError, "2.5"),
        (lambda: ct.tensor("x", shape=(True,)), ShapeError, "True"),
        (lambda: ct.tensor("x", dtype="float16", shape=()), NotImplementedError, "float16"),
        (lambda: ct.tensor("x", dtype="nonsense", shape=()), TypeError, "nonsense"),
    ],
)
def test_constructors_refuse(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_plurals():
    x, y = ct.dvectors("x", "y")
    assert (x.name, y.name, x.dtype, x.ndim) == ("x", "y", "float64", 1)
    assert [s.name for s in ct.fscalars("ab")] == ["a", "b"]
    assert [m.ndim for m in ct.matrices(3)] == [2, 2, 2]
    assert [s.name for s in ct.lscalars(["n", "m"])] == ["n", "m"]
    assert [s.dtype for s in ct.lscalars(1)] == ["int64"]
    for plural in ("scalars", "vectors", "matrices", "rows", "cols", "tensor3s", "tensor4s"):
        for prefix in PREFIXES:
            (node,) = getattr(ct, prefix + plural)(1)
            assert node.dtype == PREFIXES[prefix]


def test_tensor_type():
    kind = ct.TensorType("float64", (None, 3))
    x, y = kind("x"), kind.make_variable("y")
    assert (x.name, static(x), y.name, static(y)) == ("x", (None, 3), "y", (None, 3))
    assert x.dims[0] != y.dims[0]
    assert ct.TensorType(np.float32, ()) == TensorType("float32", ())
    with pytest.raises(NotImplementedError, match="float16"):
        ct.TensorType("float16", ())


# -- constants --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        (2, "int64"),
        (2.0, "float64"),
        (True, "bool"),
        ([1, 2], "int64"),
        ([[1.0], [2.0]], "float64"),
        (np.float32(3), "float32"),
        (np.arange(3), "int64"),
        (np.arange(100.0).reshape(10, 10).T, "float64"),
        (np.array([1.0, 2.0], ">f8"), "float64"),
    ],
)
def test_constant(x, dtype, same):
    for make in (ct.constant, ct.as_tensor, ct.as_tensor_variable):
        node = make(x)
        assert not is_weak(node)
        same(node, np.asarray(x, dtype))


def test_constant_is_a_copy(value):
    array = np.ones(3)
    node = ct.constant(array, name="c")
    array[0] = 5
    assert node.name == "c"
    assert value(node).tolist() == [1, 1, 1]
    large = np.ones(1000)
    node = ct.constant(large)
    large[0] = 5
    assert value(node)[0] == 1


def test_constant_arguments(same):
    same(ct.constant([1, 2], ndim=3), np.array([[[1, 2]]]))
    same(ct.constant([1, 2], dtype="float32"), np.array([1, 2], "float32"))
    with pytest.raises(ShapeError, match="2 axes"):
        ct.constant([[1]], ndim=1)
    with pytest.raises(TypeError, match="symbolic already"):
        ct.constant(ct.dscalar("x"))
    with pytest.raises(TypeError, match="NoneType"):
        ct.constant(None)
    with pytest.raises(TypeError, match="numbers only"):
        ct.constant("text")
    with pytest.raises(NotImplementedError, match="float16"):
        ct.constant(np.float16(1))


def test_as_tensor(same):
    x = ct.dvector("x")
    assert ct.as_tensor(x) is x
    same(ct.as_tensor(x, ndim=2), np.ones((1, 3)), {x: np.ones(3)})
    same(ct.as_tensor(x, dtype="float32"), np.ones(3, "float32"), {x: np.ones(3)})
    a, b = ct.dscalars("ab")
    same(ct.as_tensor([a, [b, 2][0], 1]), np.array([3.0, 4.0, 1.0]), {a: 3, b: 4})
    same(ct.as_tensor([[a, b], [b, 0]]), np.array([[3.0, 4.0], [4.0, 0.0]]), {a: 3, b: 4})


def test_numpy_scalars_are_not_weak():
    x = ct.fvector("x")
    assert (x * 0.1).dtype == "float32"
    assert (x * np.float32(0.1)).dtype == "float32"
    assert (x * np.float64(0.1)).dtype == "float64"
    assert (x * ct.constant(0.1)).dtype == "float64"
    assert (ct.lvector("n") + np.bool_(True)).dtype == "int64"


# -- filled -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["zeros", "ones", "empty"])
@pytest.mark.parametrize("shape", [(), 3, (2, 3), [2, 0], np.int64(4), np.array([2, 1])])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_filled(name, shape, dtype, same):
    function = np.ones if name == "ones" else np.zeros
    same(getattr(ct, name)(shape, dtype), function(shape, dtype))
    assert getattr(ct, name)(shape).dtype == "float64"


def test_filled_with_symbolic_sizes(same):
    x, n = ct.dmatrix("x"), ct.lscalar("n")
    given = {x: np.ones((2, 3)), n: 4}
    same(ct.zeros(n), np.zeros(4), given)
    same(ct.ones((n, 2)), np.ones((4, 2)), given)
    same(ct.zeros(x.shape), np.zeros((2, 3)), given)
    same(ct.zeros(x.shape[1]), np.zeros(3), given)
    same(ct.full((x.shape[0], n), 7), np.full((2, 4), 7), given)
    same(ct.alloc(x[0], n, 3), np.ones((4, 3)), given)
    same(ct.alloc(1.5, (n, n)), np.full((4, 4), 1.5), given)
    same(ct.zeros(ct.stack([n, x.shape[0]])), np.zeros((4, 2)), given)
    same(ct.zeros(ct.concatenate([x.shape, [5]])), np.zeros((2, 3, 5)), given)
    assert ct.zeros(x.shape).dims == x.dims


def test_sizes_that_could_be_negative_are_checked_at_the_call():
    k, x = ct.lscalar("k"), ct.dvector("x")
    loop = ct.scan(lambda a: a, outputs_info=1.0, n_steps=k)[0].args[0]
    for out in (ct.zeros(k), x.reshape((k, k)), loop):
        pairs = [(n, repr(m)) for n, m, _ in out.op.equalities(out)]
        assert (ct.zeros(k).dims[0], "max(0, k)") in pairs
    for shape in (x.shape, x[1:].shape, (3, 4)):
        out = ct.zeros(shape)
        assert list(out.op.equalities(out)) == []


def test_full(same):
    v = ct.dvector("v")
    same(ct.full((2, 3), v), np.full((2, 3), [1.0, 2.0, 3.0]), {v: [1, 2, 3]})
    same(ct.full(2, 7), np.full(2, 7))
    same(ct.full(2, 7.5), np.full(2, 7.5))
    same(ct.full(2, True), np.full(2, True))
    same(ct.full(2, 7, dtype="float32"), np.full(2, 7, "float32"))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: ct.zeros(-1), ShapeError, "-1"),
        (lambda: ct.zeros((2, 1.5)), TypeError, "integer"),
        (lambda: ct.zeros(True), TypeError, "integer"),
        (lambda: ct.zeros(ct.dscalar("x")), TypeError, "integer scalar"),
        (lambda: ct.zeros(ct.lvector("s")), ShapeError, "known only at the call"),
        (lambda: ct.zeros(2, "float16"), NotImplementedError, "float16"),
        (lambda: ct.full((2, 2), [1, 2, 3]), ShapeError, "cannot be stretched"),
        (lambda: ct.alloc([1, 2, 3], 2), ShapeError, "cannot be stretched"),
        (lambda: ct.full_like(ct.lvector("n"), 0.5), DTypeError, "float64 value"),
    ],
)
def test_filled_refuses(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_like(dtype, same):
    x = ct.matrix("x", dtype=dtype)
    array = np.ones((2, 3), dtype)
    same(ct.zeros_like(x), np.zeros_like(array), {x: array})
    same(ct.empty_like(x), np.zeros_like(array), {x: array})
    same(ct.ones_like(x), np.ones_like(array), {x: array})
    same(x.zeros_like(), np.zeros_like(array), {x: array})
    same(x.ones_like(), np.ones_like(array), {x: array})
    same(ct.zeros_like(x, dtype="float32"), np.zeros((2, 3), "float32"), {x: array})
    same(ct.full_like(x, 5, dtype="int64"), np.full((2, 3), 5), {x: array})


# -- ranges -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "args",
    [(0,), (5,), (-2,), (2, 5), (5, 2), (-3, 3), (0, 7, 2), (0, 8, 2), (1, 8, 3), (7, 0, -2),
     (0, 7, -1), (5, 5), (6, -1, -3)],
)  # fmt: skip
def test_arange_of_ints(args, same):
    same(ct.arange(*args), np.arange(*args, dtype=np.int64))
    names = ["start", "stop"] if len(args) > 1 else ["stop"]
    symbols = [ct.lscalar(name) for name in names]
    given = dict(zip(symbols, args, strict=False))
    same(ct.arange(*symbols, *args[2:]), np.arange(*args, dtype=np.int64), given)
    same(ct.arange(*args, dtype="float32"), np.arange(*args).astype("float32"))


def test_ends_too_far_apart_to_count_between_are_checked_at_the_call():
    n, m, x = ct.lscalar("n"), ct.lscalar("m"), ct.dvector("x")
    for out, ends in [(ct.arange(n, m), [n, m]), (ct.arange(5, n), [n]), (ct.arange(0, n, 2), [n])]:
        (node,) = [node for node in toposort([out]) if isinstance(node.op, Arange)]
        checked = [found for found, _, _ in node.op.equalities(node)]
        assert checked == [sizes.value(end) for end in ends]
    for out in (ct.arange(n), ct.arange(n, n + 5), ct.arange(2, x.shape[0], 3)):
        assert not any(list(node.op.equalities(node)) for node in toposort([out]))


def test_counts_that_numpy_refuses_are_refused():
    n, m = ct.lscalar("n"), ct.lscalar("m")
    f = cgrad.function([n, m], [ct.arange(n, m), ct.linspace(0.0, 1.0, m)])
    between, spaced = f(2, 5)
    assert between.tolist() == [2, 3, 4] and spaced.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    for given, words in [
        ((-(2**63), 5), "one end is -9223372036854775808, too far away to count"),
        ((0, 2**62), "one end is 4611686018427387904"),
        ((0, -3), "axis 0 has the length m = -3, expected 0 or more"),
    ]:
        with pytest.raises(ShapeError, match=words):
            f(*given)


def test_arange_of_a_length_has_that_length():
    x = ct.dvector("x")
    node = ct.arange(x.shape[0])
    assert node.dims == x.dims
    assert isinstance(node.op, Arange)


@pytest.mark.parametrize(
    "args", [(3.0,), (0.0, 1.0, 0.1), (1.5, -1, -0.5), (0, 2, np.float32(0.5)), (2.5,)]
)
def test_arange_of_floats(args, same):
    expected = np.arange(*args)
    same(ct.arange(*args), expected)
    assert isinstance(ct.arange(3.0).op, Constant)


def test_arange_refuses():
    with pytest.raises(NotImplementedError, match="float bounds"):
        ct.arange(ct.dscalar("x"))
    with pytest.raises(NotImplementedError, match="step"):
        ct.arange(0, 5, ct.lscalar("s"))
    with pytest.raises(ValueError, match="step"):
        ct.arange(0, 5, 0)


@pytest.mark.parametrize("shape", [(3, None), (2, 4), (4, 2), (0, 3), (1, 1)])
@pytest.mark.parametrize("k", [-5, -1, 0, 1, 2, 5])
def test_eye(shape, k, same):
    same(ct.eye(*shape, k=k), np.eye(*shape, k=k))
    same(ct.eye(*shape, k=k, dtype="int64"), np.eye(*shape, k=k, dtype="int64"))
    n, m, d = ct.lscalars("nmd")
    given = {n: shape[0], m: shape[0] if shape[1] is None else shape[1], d: k}
    same(ct.eye(n, m, d), np.eye(*shape, k=k), given)


def test_identity_like(same):
    x = ct.fmatrix("x")
    same(ct.identity_like(x), np.eye(2, 3, dtype="float32"), {x: np.zeros((2, 3))})
    with pytest.raises(ShapeError, match="matrix"):
        ct.identity_like(ct.dvector("x"))
