"""Products of any rank, einsum, diagonals and norms: compiled values against NumPy, derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.errors import ShapeError

RNG = np.random.default_rng(11)
DTYPES = ("float64", "float32", "int64", "int8", "uint8", "bool")


def data(dtype, shape):
    if dtype == "bool":
        return RNG.random(shape) > 0.5
    low = 0 if dtype.startswith("u") else -4
    whole = RNG.integers(low, 5, size=shape)
    return (whole / 2 if dtype.startswith("float") else whole).astype(dtype)


def check(pairs, inputs, arrays):
    """Small dyadic numbers: every sum is exact, in every order."""
    found = cgrad.function(inputs, [out for out, _ in pairs], on_unused_input="ignore")(*arrays)
    for got, (out, expected) in zip(found, pairs, strict=True):
        expected = np.asarray(expected)
        assert got.dtype == expected.dtype == np.dtype(out.dtype), out
        np.testing.assert_array_equal(got, expected, strict=True)


SHAPES = {
    "v": (4,), "m": (3, 4), "n": (4, 3), "t": (2, 3, 4), "u": (2, 4, 3), "one": (1, 4, 3),
    "big": (5, 2, 3, 4), "row": (1, 4), "q": (4, 4),
}  # fmt: skip


def tensors(dtype):
    arrays = {name: data(dtype, shape) for name, shape in SHAPES.items()}
    arrays["m"], arrays["t"] = arrays["m"][::-1, ::-1], arrays["t"][:, ::-1]
    nodes = {
        name: ct.tensor(name, dtype=dtype, shape=[n if n == 1 else None for n in shape])
        for name, shape in SHAPES.items()
    }
    return nodes, arrays


@pytest.mark.parametrize("dtype", DTYPES)
def test_values(dtype):
    x, a = tensors(dtype)
    pairs = [(ct.matmul(x[p], x[q]), np.matmul(a[p], a[q])) for p, q in (
        "vv", "mv", "vn", "mn", "tu", "tn", "mu", "tv", "vu", ("t", "one"), ("big", "u"),
        ("big", "one"), ("big", "v"), ("row", "u"))]  # fmt: skip
    pairs += [(ct.dot(x[p], x[q]), np.dot(a[p], a[q])) for p, q in (
        "vv", "mv", "vn", "mn", "tv", "tn", "tu", "vu", "mu")]  # fmt: skip
    pairs += [(ct.outer(x[p], x[q]), np.outer(a[p], a[q])) for p, q in ("vv", "mv", "tm")]
    pairs += [(ct.inner(x[p], x[q]), np.inner(a[p], a[q])) for p, q in ("vv", "mv", "tm")]
    pairs += [
        (ct.tensordot(x[p], x[q], axes), np.tensordot(a[p], a[q], axes))
        for p, q, axes in (
            ("m", "m", 2), ("m", "n", 1), ("v", "m", 0), ("t", "u", ((0, 2), (0, 1))),
            ("t", "n", (-1, 0)), ("t", "t", ([1, 0, 2], [1, 0, 2])), ("t", "m", ((1, 2), (0, 1))),
        )
    ]  # fmt: skip
    for k in (0, 1, -1, 2, -2, 3, -3, 5, -5):
        pairs += [
            (ct.diag(x["v"], k), np.diag(a["v"], k)),
            (ct.diag(x["m"], k), np.diag(a["m"], k)),
        ]
        pairs.append((ct.diagonal(x["n"], k), np.diagonal(a["n"], k)))
        pairs.append((ct.diagonal(x["t"], k, -1, 0), np.diagonal(a["t"], k, -1, 0)))
        pairs.append((ct.trace(x["q"], k), np.trace(a["q"], k)))
    pairs.append((x["t"].trace(axis1=1, axis2=2), a["t"].trace(axis1=1, axis2=2)))
    pairs.append((x["m"].diagonal(1), a["m"].diagonal(1)))
    pairs.append((x["t"] @ x["u"], a["t"] @ a["u"]))
    pairs.append((x["t"].mT, np.swapaxes(a["t"], 1, 2)))
    check(pairs, list(x.values()), list(a.values()))


EINSUMS = {
    "ij,jk->ik": "mn", "ij,jk": "mn", "ij,jk->ki": "mn", "i,i": "vv", "i,j": "vv", "ij->ji": "m",
    "ij->": "m", "ij->j": "m", "ji": "m", "ii": "q", "ii->i": "q", "ij,ij->": "mm",
    "ij,i->ij": "nv",
    "bij,bjk->bik": "tu", "bij,bjk->ikb": "tu", "ij,jk,kl": "mnm", "ij,jk,kl,lm->im": "mnmn",
    "ij,jk,ki": "mqn", "bij,j,i->b": ["t", "v", [1, 2, 1]], "ij,kj->ikj": "mm", "i,ij,j": "vqv",
    "ii,ij->j": "qq", "iij->j": [(3, 3, 2)], "bij,bij->bj": "tt", "ij , jk -> ik": "mn",
    "abij,bjk,k->ai": ["big", "u", [1, 2, 3]], "ij,jk->i": "mn", "i->i": "v", "i->": "v",
}  # fmt: skip


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_einsum(dtype, static):
    _, named = tensors(dtype)
    inputs, arrays, pairs = [], [], []
    for spec, operands in EINSUMS.items():
        row = []
        for one in operands:
            a = named[one] if isinstance(one, str) else (
                data(dtype, one) if isinstance(one, tuple) else np.array(one, dtype)
            )  # fmt: skip
            inputs.append(
                ct.tensor(
                    f"x{len(inputs)}", dtype=dtype, shape=a.shape if static else (None,) * a.ndim
                )
            )
            row.append((inputs[-1], a))
            arrays.append(a)
        nodes, values = zip(*row, strict=True)
        pairs.append((ct.einsum(spec, *nodes), np.einsum(spec, *values)))
    check(pairs, inputs, arrays)


def test_einsum_takes_the_cheapest_pair_first_and_stretches():
    a, b, v = (ct.tensor(n, dtype="float64", shape=s) for n, s in
               (("a", (50, 40)), ("b", (40, 30)), ("v", (30,))))  # fmt: skip
    y = ct.einsum("ij,jk,k->i", a, b, v)
    assert [arg.dims for arg in y.args] == [(40,), (50, 40)] or y.args[0].dims != (50, 30)
    assert all(arg.dims != (50, 30) for arg in y.args)
    one = ct.tensor("one", dtype="float64", shape=(1, None))
    x, p, q = ct.matrix("x"), RNG.normal(size=(3, 4)), RNG.normal(size=(1, 4))
    f = cgrad.function([x, one], [ct.einsum("ij,ij->ij", x, one), ct.einsum("ij,ij->i", x, one)])
    found = f(p, q)
    np.testing.assert_array_equal(found[0], p * q)
    np.testing.assert_allclose(found[1], (p * q).sum(1), rtol=1e-14)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (1, 3)])
def test_empty_and_short_axes(shape):
    a, x = data("float64", shape), ct.matrix("x")
    pairs = [
        (ct.matmul(x, x.T), a @ a.T), (ct.matmul(x.T, x), a.T @ a), (ct.trace(x), np.trace(a)),
        (ct.diagonal(x, 1), np.diagonal(a, 1)), (ct.diagonal(x, -1), np.diagonal(a, -1)),
        (ct.diag(x[0] if shape[0] else x[:, 0], 2), np.diag(a[0] if shape[0] else a[:, 0], 2)),
        (ct.einsum("ij,kj->ik", x, x), a @ a.T), (ct.norm(x), np.linalg.norm(a)),
        (ct.tensordot(x, x, ((0, 1), (0, 1))), np.tensordot(a, a, ((0, 1), (0, 1)))),
    ]  # fmt: skip
    check(pairs, [x], [a])


def test_norm():
    a = RNG.normal(size=(3, 4, 2))
    x, i = ct.tensor3("x"), ct.lmatrix("i")
    ints = data("int64", (3, 4))
    pairs = [
        (ct.norm(x), np.linalg.norm(a)), (ct.norm(x, axis=1), np.linalg.norm(a, axis=1)),
        (ct.norm(x, 2, -1, True), np.linalg.norm(a, 2, -1, True)),
        (ct.norm(x, "fro", (0, 2)), np.linalg.norm(a, "fro", (0, 2))),
        (x.norm(axis=(0, 1)), np.linalg.norm(a, axis=(0, 1))), (ct.norm(i), np.linalg.norm(ints)),
    ]  # fmt: skip
    found = cgrad.function([x, i], [out for out, _ in pairs])(a, ints)
    for got, (_, expected) in zip(found, pairs, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-14)
    with pytest.raises(ValueError, match="expected a number"):
        ct.norm(ct.vector("v"), "nuc")
    with pytest.raises(ValueError, match="of matrices"):
        ct.norm(i, 3)
    with pytest.raises(ShapeError, match="1 or 2 axes"):
        ct.norm(x, 2)


ERRORS = [
    (lambda v, m: ct.matmul(v, 2.0), ShapeError, "scalar"),
    (lambda v, m: ct.matmul(m, m), ShapeError, "last axis of the first has length 4, the first"),
    (lambda v, m: ct.dot(m, v[:3]), ShapeError, "last axis of the first has length 4"),
    (lambda v, m: ct.dot(m[None], m[None]), ShapeError, "second axis of the second 3"),
    (lambda v, m: ct.dot(m[:, :1], v), ShapeError, "has length 1"),
    (lambda v, m: ct.matmul(ct.ones((2, 3, 4)), ct.ones((3, 4, 3))), ShapeError, "first axis"),
    (lambda v, m: ct.tensordot(m, v, 2), ValueError, "axes=2"),
    (lambda v, m: ct.tensordot(m, v, ((0, 1), (0,))), ValueError, "as many axes"),
    (lambda v, m: ct.tensordot(m, v, ((3,), (0,))), ValueError, "out of range"),
    (lambda v, m: ct.tensordot(m, v, ((0,), (0,))), ShapeError, "first axis of the first"),
    (lambda v, m: ct.einsum("...i,i->", m, v), ValueError, "the result must have"),
    (lambda v, m: ct.einsum("...i...", m), ValueError, "once in each"),
    (lambda v, m: ct.einsum("...ijk", m), ValueError, "fewer axes"),
    (lambda v, m: ct.einsum(m, [0, 1]), NotImplementedError, "letters"),
    (lambda v, m: ct.einsum("ij", m, v), ValueError, "names 1 operands, found 2"),
    (lambda v, m: ct.einsum("i", m), ValueError, "names 1 axes"),
    (lambda v, m: ct.einsum("ij->k", m), ValueError, "only those of operands"),
    (lambda v, m: ct.einsum("ij->ii", m), ValueError, "at most once"),
    (lambda v, m: ct.einsum("i1", m), ValueError, "letters"),
    (lambda v, m: ct.einsum("ii", m), ShapeError, "lengths 3 and 4"),
    (lambda v, m: ct.einsum("ij,jk", m, m), ShapeError, "length 4"),
    (lambda v, m: ct.diagonal(v), ShapeError, "expected 2 or more"),
    (lambda v, m: ct.diagonal(m, 0, 1, -1), ValueError, "expected two axes"),
    (lambda v, m: ct.diag(m[None]), ShapeError, "3 axes"),
    (lambda v, m: ct.diag(v, ct.lscalar("k")), NotImplementedError, "pass an int"),
]


@pytest.mark.parametrize(("call", "error", "match"), ERRORS)
def test_errors(call, error, match):
    v = ct.tensor("v", dtype="float64", shape=(4,))
    m = ct.tensor("m", dtype="float64", shape=(3, 4))
    with pytest.raises(error, match=match):
        call(v, m)


def test_lengths_known_at_the_call_are_checked_there():
    x, y, q = ct.tensor3("x"), ct.tensor3("y"), ct.matrix("q")
    f = cgrad.function([x, y], ct.matmul(x, y))
    g = cgrad.function([q], ct.einsum("ii->i", q))
    for a, b in (((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (3, 4, 3)), ((2, 3, 4), (1, 4, 3))):
        with pytest.raises(ShapeError):
            f(np.ones(a), np.ones(b))
    with pytest.raises(ShapeError):
        g(np.ones((2, 3)))


PROGRAMS = {
    "matmul": lambda x, y: ct.matmul(x, ct.swapaxes(y, 1, 2)),
    "matmul_stretched": lambda x, y: ct.matmul(x, y[0].T),
    "matmul_vector": lambda x, y: ct.matmul(x, y[0, 1]),
    "dot": lambda x, y: ct.dot(x, y[0].T),
    "tensordot": lambda x, y: ct.tensordot(x, y, ((0, 2), (0, 2))),
    "einsum": lambda x, y: ct.einsum("bij,bkj,bij->bk", x, y, x),
    "einsum_diagonal": lambda x, y: ct.einsum("iij,kij->k", x[:2, :2], y[:, :2]),
    "einsum_summed": lambda x, y: ct.einsum("abc,ade->bd", x, y),
    "diagonal": lambda x, y: ct.diagonal(x * y, 1, 1, 2),
    "diag": lambda x, y: ct.diag(x[0, 0] * y[1, 1], -1),
    "trace": lambda x, y: ct.trace(x * y, 0, 0, 2),
    "norm": lambda x, y: ct.norm(x * y, axis=1),
    "outer": lambda x, y: ct.outer(x[0], y[0]),
}


def test_derivatives_of_both_modes_and_second_order():
    x, y, t, u = (ct.tensor3(n) for n in "xytu")
    outputs = []
    for f in PROGRAMS.values():
        z = f(x, y)
        z = z * z
        weight = ct.reshape(1.0 + 0.25 * ct.arange(z.size), z.shape, ndim=z.ndim)
        pulled = cgrad.Lop(z, [x, y], weight)
        slope = ct.sum(pulled[0] * t) + ct.sum(pulled[1] * u)
        outputs += [ct.sum(weight * cgrad.Rop(z, [x, y], [t, u])), slope]
        outputs += [*cgrad.grad(slope, [x, y]), *cgrad.Rop(list(pulled), [x, y], [t, u])]
        outputs.append(ct.sum(weight * z))
    f = cgrad.function([x, y, t, u], outputs)
    a, b, p, q = (RNG.uniform(0.5, 1.5, (2, 3, 3)) for _ in range(4))
    h = 1e-6
    got, ahead, behind = (f(a + s * p, b + s * q, p, q) for s in (0, h, -h))
    for k, name in enumerate(PROGRAMS):
        row, up, down = (r[7 * k : 7 * k + 7] for r in (got, ahead, behind))
        np.testing.assert_allclose(row[0], row[1], rtol=1e-12, err_msg=name)
        for again, moved in ((row[2], row[4]), (row[3], row[5])):
            np.testing.assert_allclose(again, moved, rtol=1e-11, atol=1e-11, err_msg=name)
        np.testing.assert_allclose(row[0], (up[6] - down[6]) / (2 * h), rtol=1e-6, err_msg=name)
        second = np.sum(row[4] * p) + np.sum(row[5] * q)
        np.testing.assert_allclose(second, (up[1] - down[1]) / (2 * h), rtol=1e-6, err_msg=name)


def test_many_labels_have_a_loop_order_at_once():
    x = [ct.tensor(f"x{k}", dtype="float64", shape=(2,) * 5) for k in range(2)]
    a = [data("float64", (2,) * 5) for _ in range(2)]
    spec = "abcde,defgh->habcgf"
    check([(ct.einsum(spec, *x), np.einsum(spec, *a))], x, a)
