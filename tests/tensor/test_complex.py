"""Complex numbers: values, dtypes and special values as NumPy's; errors; layouts; the cache."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate

DTYPES = ("complex128", "complex64")
UNARY = (
    "exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "square", "reciprocal",
    "negative", "expm1", "log1p", "log2", "log10", "exp2", "conj", "real", "imag", "angle", "abs",
    "sign", "isnan", "isinf", "isfinite",
)  # fmt: skip
ENDS = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-200, 1e300, 710.0, -720.0, 22.5, 0.3]


def numbers(shape, dtype="complex128", seed=0):
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape), dtype)


def special(dtype):
    """Every pair of the special values."""
    with np.errstate(all="ignore"):
        parts = np.asarray(ENDS).astype(dtype)
    grid = np.empty((len(parts), len(parts)), np.result_type(parts.dtype, np.complex64))
    grid.real, grid.imag = parts[:, None], parts
    return grid.ravel()


def assert_same(got, want, units, size=None):
    """Equal, both nan, or within `units` of the rounding of the whole number, or of `size`."""
    got, want = np.asarray(got), np.asarray(want)
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    if want.dtype.kind == "c":
        with np.errstate(all="ignore"):
            size = np.abs(want) if size is None else np.maximum(np.abs(want), size)
        assert_same(got.real, want.real, units, size)
        assert_same(got.imag, want.imag, units, size)
        return
    if want.dtype.kind == "b":
        assert np.array_equal(got, want)
        return
    with np.errstate(all="ignore"):
        size = np.abs(want) if size is None else np.where(np.isfinite(size), size, np.abs(want))
        info = np.finfo(want.dtype)
        close = np.abs(got - want) <= units * (info.eps * size + info.smallest_subnormal)
        good = (got == want) | (np.isnan(got) & np.isnan(want)) | close
    assert good.all(), (np.flatnonzero(~good)[:5], got[~good][:5], want[~good][:5])


# -- values -----------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_one_argument(dtype):
    z = ct.tensor("z", dtype=dtype, shape=(None,))
    f = cgrad.function([z], [getattr(ct, name)(z) for name in UNARY])
    real = np.zeros((), dtype).real.dtype
    away = 3 * numbers(300, dtype)
    with np.errstate(all="ignore"):
        for name, got, ends in zip(UNARY, f(away), f(special(real)), strict=True):
            assert_same(got, getattr(np, name)(away), 16)
            # NumPy's log1p drops small parts; its square overflows later where it has FMA
            size = 1 if name == "log1p" else None
            if name != "square":
                assert_same(ends, getattr(np, name)(special(real)), 16, size)


@pytest.mark.parametrize("dtype", DTYPES)
def test_arithmetic(dtype):
    a, b = (ct.tensor(name, dtype=dtype, shape=(None,)) for name in "ab")
    f = cgrad.function([a, b], [a + b, a - b, a * b, a / b, ct.eq(a, b), ct.neq(a, b)])
    ends = special(np.zeros((), dtype).real.dtype)
    pairs = [x.ravel() for x in np.meshgrid(ends, ends)]
    with np.errstate(all="ignore"):
        for x, y in (pairs, (numbers(50, dtype), numbers(50, dtype, 1))):
            wanted = [x + y, x - y, x * y, x / y, x == y, x != y]
            for got, want in zip(f(x, y), wanted, strict=True):
                # NumPy's products round once on some processors
                assert_same(got, want, 4)


def test_powers():
    z, w = ct.zvector("z"), ct.zvector("w")
    f = cgrad.function([z, w], [z**w, z**2, z**3, z**-2, z**0, z**0.5, 2.0**z])
    x, y = numbers(60), 2 * numbers(60, seed=1)
    wanted = [x**y, x**2, x**3, x**-2, x**0, x**0.5, 2.0**x]
    for got, want in zip(f(x, y), wanted, strict=True):
        assert_same(got, want, 64)
    assert np.array_equal(f(np.zeros(2), [2.0, 0.0])[0], [0, 1])
    assert np.isnan(f(np.zeros(1), [-1.0])[0]).all()


def test_logarithms_keep_their_digits_near_one_and_at_the_ends():
    z = ct.zvector("z")
    f = cgrad.function([z], [ct.log(z).real, ct.log1p(z).real])
    small = np.array([1e-9 + 1e-9j, 3e-12 - 1e-6j, 1e-200 + 1e-150j])
    # log |1 + z| = x + (y^2 - x^2) / 2 + ...
    series = small.real + (small.imag**2 - small.real**2) / 2
    assert np.allclose(f(small)[1], series, rtol=1e-9, atol=0)
    circle = np.exp(1j * np.linspace(0, 6, 20))
    exact = [float((x.real**2 + x.imag**2 - 1) / 2) for x in circle.astype(np.clongdouble)]
    assert np.allclose(f(circle)[0], exact, rtol=0, atol=1e-19)
    assert np.allclose(f([1.7e308 + 1.7e308j, 1e-310 + 1e-310j])[0],
                       [710.0734104847, -713.454805236], rtol=1e-12)  # fmt: skip


def test_parts():
    z, x, y = ct.zmatrix("z"), ct.dvector("x"), ct.fvector("y")
    outputs = [z.real, z.imag, z.conj(), abs(z), ct.angle(z), ct.complex(x, x + 1),
               ct.complex(y, 2), ct.complex_from_polar(x, y), x.real, x.imag, x.conj(),
               ct.angle(-x), z * 1j]  # fmt: skip
    f = cgrad.function([z, x, y], outputs)
    a, u, v = numbers((2, 3)), np.array([1.0, 2.0]), np.array([0.5, 3.0], "f4")
    wanted = [a.real, a.imag, a.conj(), abs(a), np.angle(a), u + 1j * (u + 1),
              (v + 2j).astype("c8"), u * np.exp(1j * v.astype(float)), u, 0 * u, u,
              np.angle(-u), a * 1j]  # fmt: skip
    for got, want in zip(f(a, u, v), wanted, strict=True):
        assert_same(got, want, 4)
    assert np.real(z).dtype == "float64" and np.imag(z).op.name == "imag"
    assert np.conj(z).op.name == "conj" and np.angle(z, deg=True).dtype == "float64"


def test_promotion_is_that_of_numpy():
    kinds = ["bool", "int8", "int64", "float32", "float64", "complex64", "complex128"]
    for first in kinds:
        for second in ("complex64", "complex128"):
            a, b = (ct.tensor(dtype=kind, shape=()) for kind in (first, second))
            assert (a + b).dtype == np.result_type(first, second).name, (first, second)
    weak = {"complex64": "complex64", "float32": "complex64", "int64": "complex128",
            "bool": "complex128", "float64": "complex128"}  # fmt: skip
    for dtype, wanted in weak.items():
        assert (ct.tensor(dtype=dtype, shape=()) * 2j).dtype == wanted
    assert (ct.cscalar() * 2.0).dtype == (ct.cscalar() + 1).dtype == "complex64"


def test_sums_products_and_means():
    z = ct.zmatrix("z")
    outputs = [z.sum(), z.sum(axis=0), z.sum(axis=1), z.mean(axis=1), z.prod(axis=0), z.prod(),
               ct.cumsum(z, axis=1), ct.cumprod(z, axis=0), ct.var(z, axis=0), ct.std(z),
               ct.linalg.norm(z), ct.linalg.norm(z, 1, axis=1), ct.any(z), ct.all(z, axis=0),
               ct.diff(z), ct.trace(z), ct.mean(z, dtype="complex64")]  # fmt: skip
    f = cgrad.function([z], outputs)
    for shape in ((3, 4), (1, 1), (0, 3), (3, 600)):
        a = numbers(shape)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            wanted = [a.sum(), a.sum(0), a.sum(1), a.mean(1), a.prod(0), a.prod(), a.cumsum(1),
                      a.cumprod(0), a.var(0), a.std(), np.linalg.norm(a),
                      np.linalg.norm(a, 1, axis=1), a.any(), a.all(0), np.diff(a), np.trace(a),
                      a.mean().astype("c8")]  # fmt: skip
        for got, want in zip(f(a), wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-6 if got.dtype == "c8" else 1e-11)
            assert got.dtype == np.asarray(want).dtype
    single = numbers(5000, "complex64")
    total = cgrad.function([c := ct.cvector()], c.sum())(single)
    assert total.dtype == "complex64"
    assert abs(total - single.astype("complex128").sum()) < 1e-5


@pytest.mark.parametrize("n", [1, 3, 40])
def test_products_of_matrices(n):
    a, b, v, d = ct.zmatrix("a"), ct.zmatrix("b"), ct.zvector("v"), ct.dmatrix("d")
    outputs = [a @ b, a @ v, v @ a, ct.dot(v, v), a @ d, d.T @ a, ct.einsum("ij,jk->ik", a, b.T),
               ct.tensordot(a, b, 2), ct.outer(v, v)]  # fmt: skip
    f = cgrad.function([a, b, v, d], outputs)
    x, y, u, r = numbers((n, n)), numbers((n, n), seed=1), numbers(n), numbers((n, n)).real
    wanted = [x @ y, x @ u, u @ x, u @ u, x @ r, r.T @ x, x @ y.T, np.tensordot(x, y, 2),
              np.outer(u, u)]  # fmt: skip
    for got, want in zip(f(x, y, u, r), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_moves_of_data():
    z, i, x = ct.zmatrix("z"), ct.lvector("i"), ct.dvector("x")
    rows = [z[::-1, 1:], z.T, z.reshape((-1,)), z[i], ct.concatenate([z, z * 1j], axis=1),
            ct.stack([z, z]), ct.set_subtensor(z[0], 1j), ct.inc_subtensor(z[i], 2 - 1j),
            ct.where(ct.eq(z, 0), 1j, z), ct.where(z.real > 0, z, x[None, :] * 1j), ct.flip(z),
            ct.roll(z, 1, axis=0), ct.diagonal(z), ct.pad(z, 1), ct.tile(z, (2, 1)),
            ct.repeat(z, 2, axis=0), ct.zeros_like(z), ct.ones_like(z), ct.full_like(z, 3j),
            ct.eye(3, dtype="complex128"), ct.tril(z), ct.squeeze(z[:1], axis=0) + z,
            z.astype("complex64"), ct.cast(x, "complex64"), ct.cast(z, "bool"),
            ct.split(z, 2, axis=1)[1], ct.broadcast_to(z[0], (3, 4)), ct.diag(z[0]),
            z[abs(z) > 1.0]]  # fmt: skip
    f = cgrad.function([z, i, x], rows)
    a, k, u = numbers((3, 4)), np.array([2, 0, 2]), np.arange(4.0)
    a[1, 1] = 0
    first, added = a.copy(), a.copy()
    first[0] = 1j
    np.add.at(added, k, 2 - 1j)
    wanted = [a[::-1, 1:], a.T, a.ravel(), a[k], np.concatenate([a, a * 1j], 1), np.stack([a, a]),
              first, added, np.where(a == 0, 1j, a), np.where(a.real > 0, a, u * 1j), a[::-1, ::-1],
              np.roll(a, 1, 0), np.diagonal(a), np.pad(a, 1), np.tile(a, (2, 1)),
              np.repeat(a, 2, 0), a * 0, a * 0 + 1, a * 0 + 3j, np.eye(3, dtype=complex),
              np.tril(a), a[0] + a, a.astype("c8"), u.astype("c8"), a != 0, a[:, 2:],
              np.broadcast_to(a[0], (3, 4)), np.diag(a[0]), a[abs(a) > 1.0]]  # fmt: skip
    for got, want in zip(f(a, k, u), wanted, strict=True):
        assert got.dtype == want.dtype and np.array_equal(got, want)


def test_isclose():
    a, b = ct.zvector("a"), ct.zvector("b")
    f = cgrad.function(
        [a, b], [ct.isclose(a, b), ct.isclose(a, b, equal_nan=True), ct.allclose(a, b)]
    )
    x = np.array([1 + 1j, np.inf + 0j, np.nan + 1j, 2j])
    y = x + np.array([1e-9j, 0, 0, 1e-3])
    for got, want in zip(f(x, y), [np.isclose(x, y), np.isclose(x, y, equal_nan=True),
                                   np.allclose(x, y)], strict=True):  # fmt: skip
        assert np.array_equal(got, want)


def test_layouts_and_sizes():
    z, w = ct.zmatrix("z"), ct.zvector("w")
    f = cgrad.function([z, w], [ct.exp(z) * w, z.sum(axis=1)])
    base = numbers((8, 10))
    for a in (base[::-2, 1:7:2], base.T[:5, ::-1], np.asfortranarray(base), base[:0], base[:, :0]):
        u = numbers(a.shape[1])
        found = f(a, u)
        np.testing.assert_allclose(found[0], np.exp(a) * u, rtol=1e-14)
        np.testing.assert_allclose(found[1], a.sum(axis=1), rtol=1e-13)
    # an address that no double may have
    raw = np.zeros(16 * 3 + 1, np.int8)[1:].view("complex128")
    raw[:] = [1, 2j, 3]
    assert np.array_equal(f(raw[None], np.ones(3))[1], [4 + 2j])


def test_loops_choices_and_shared_variables():
    c, n = ct.zscalar("c"), ct.lscalar("n")
    z, _ = cgrad.scan(lambda z: z * z + c, outputs_info=[ct.zeros((), "complex128")], n_steps=n)
    picked = cgrad.ifelse(n > 3, c, ct.conj(c))
    state = cgrad.shared(1j, name="state")
    f = cgrad.function([c, n], [z, picked, state * c], updates={state: state * c})
    z0, values = 0j, []
    for _ in range(5):
        z0 = z0 * z0 + (0.3 + 0.5j)
        values.append(z0)
    found = f(0.3 + 0.5j, 5)
    np.testing.assert_allclose(found[0], values, rtol=1e-14)
    assert found[1] == 0.3 + 0.5j and found[2] == 1j * (0.3 + 0.5j)
    assert state.get_value() == 1j * (0.3 + 0.5j) and state.dtype == "complex128"
    state.set_value(2.0)
    assert f(2j, 1)[2] == 4j and f(2j, 1)[1] == -2j


def test_constants_of_every_size_and_numbers_of_python():
    z = ct.zvector("z")
    table = numbers(3)
    large = numbers(100)
    f = cgrad.function([z], [z[:3] * table, z * large, z * (1 - 2j) + 3, ct.constant(table)[2] * z,
                             ct.as_tensor(complex(-0.0, -0.0)) + 0 * z[0]])  # fmt: skip
    a = numbers(100, seed=2)
    for got, want in zip(f(a), [a[:3] * table, a * large, a * (1 - 2j) + 3, table[2] * a],
                         strict=False):  # fmt: skip
        assert_same(got, want, 0)
    assert "cg_complex(1.0, -2.0)" in f.c_source


def test_folding_and_evaluation_by_numpy_agree_with_compiled_code():
    a, b = ct.constant([0.5 - 1j, 2j]), ct.constant([1 + 1j, -3.0])
    z = ct.zvector("z")
    outputs = [ct.exp(a) * b, ct.sum(a * b), abs(a) ** 2, ct.conj(a) / b, ct.complex(a.real, 1.0)]
    f = cgrad.function([z], [out + 0 * z.sum() for out in outputs])
    wanted = evaluate([out + 0 * z.sum() for out in outputs], {z: np.ones(2, complex)})
    for got, want in zip(f(np.ones(2)), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-15)


# -- calls ------------------------------------------------------------------------------------
def test_arguments():
    z, c, x = ct.zvector("z"), ct.cscalar("c"), ct.dvector("x")
    f = cgrad.function([z, c], z * c)
    assert f([1, 2.5], 2).dtype == "complex128"  # integers and reals are complex numbers
    assert f(np.arange(2, dtype="i4"), np.complex64(1j)).tolist() == [0, 1j]
    with pytest.raises(TypeError, match="could lose information"):
        f([1.0], np.complex128(1j))
    g = cgrad.function([x], x * 2)
    for given in (np.ones(2, complex), [1j, 2.0], np.ones(2, "complex64")):
        with pytest.raises(
            TypeError, match=r"imaginary part would be lost.*numpy.asarray\(x\).real"
        ):
            g(given)
    lax = cgrad.function([x], x * 2, allow_input_downcast=True)
    with pytest.raises(TypeError, match="imaginary part"):
        lax(np.ones(2, complex))
    out = np.empty(2, complex)
    assert f([1j, 2], 1, out=out) is out and out.tolist() == [1j, 2]
    step = f.bind(np.array([1j, 3]), np.asarray(2, "c8"), out=out)
    step()
    assert out.tolist() == [2j, 6]
    with pytest.raises(TypeError):
        f([1j, 2], 1, out=np.empty(2))


def test_a_function_is_pickled_and_found_in_the_cache():
    z = ct.zvector("z")
    f = cgrad.function([z], ct.sum(z * (2 - 1j)))
    again = pickle.loads(pickle.dumps(f))
    assert again([1, 1j]) == f([1, 1j]) == (1 + 1j) * (2 - 1j)
    other = cgrad.function([w := ct.zvector("z")], ct.sum(w * (2 - 1j)))
    assert other.c_source == f.c_source and not other.explain().startswith("compiled")


# -- what is refused --------------------------------------------------------------------------
def test_comparisons_have_no_meaning():
    z = ct.zvector("z")
    for name in ("lt", "le", "gt", "ge", "maximum", "minimum"):
        with pytest.raises(
            TypeError, match=f"{name}: complex numbers have no order.*z of complex128"
        ):
            getattr(ct, name)(z, 1.0)
    with pytest.raises(TypeError, match=r"Fix: compare z\.real"):
        z < 2  # noqa: B015
    for name in ("max", "min", "argmax", "sort", "argsort", "median", "clip", "unique"):
        arguments = (0, 1) if name == "clip" else ()
        with pytest.raises((TypeError, NotImplementedError), match=r"complex numbers.*\n.*real"):
            getattr(ct, name)(z, *arguments)


def test_functions_without_a_complex_form_say_so():
    z, a = ct.zvector("z"), ct.zmatrix("a")
    for name in ("floor", "erf", "arcsin", "gammaln", "sigmoid", "softplus", "round", "logit",
                 "nan_to_num", "isposinf", "j0", "cov"):  # fmt: skip
        with pytest.raises(NotImplementedError, match="is not built for complex numbers"):
            getattr(ct, name)(z)
    for name in ("mod", "floor_div", "arctan2", "hypot", "logaddexp", "xlogy"):
        with pytest.raises(NotImplementedError, match=f"{name} is not built for complex numbers"):
            getattr(ct, name)(z, 1.0)
    for name in ("svd", "lu", "schur"):
        with pytest.raises(NotImplementedError, match="is not built for complex numbers"):
            getattr(ct.linalg, name)(a)
    with pytest.raises(TypeError):
        z & 1


def test_casts_to_real_dtypes_name_the_part_to_take():
    z = ct.zvector("z")
    for dtype in ("float64", "float32", "int64"):
        with pytest.raises(TypeError, match=r"(?s)imaginary part would be lost.*x\.real"):
            z.astype(dtype)
    with pytest.raises(TypeError, match="does not fit into a tensor of float64"):
        ct.set_subtensor(ct.dvector("x")[0], 1j)
    with pytest.raises(TypeError, match="is complex already"):
        ct.complex(z, 1.0)
    with pytest.raises(TypeError):
        ct.sum(z, dtype="float64")
