"""Pointers to compiled functions: address, ctypes, cffi, scipy.LowLevelCallable."""

from __future__ import annotations

import ctypes
import threading

import cffi
import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct

x, a, b = ct.dvector("x"), ct.dscalar("a"), ct.dscalar("b")
POINTER = ctypes.POINTER(ctypes.c_double)


@pytest.fixture(scope="module")
def f():
    return cgrad.function([x, a], [ct.sum(ct.exp(x * a)), ct.sin(x)], name="f")


def test_ctypes_and_cffi_give_the_same_bits(f):
    assert f.c_signature == (
        "int f(int64_t n, const double *x, double a, double *out0, double *out1, void *work)"
    )
    values = np.linspace(0, 1, 37)
    total, sines = np.zeros(1), np.zeros(37)
    arrays = [array.ctypes.data_as(POINTER) for array in (values, total, sines)]
    assert f.ctypes(37, arrays[0], 2.0, arrays[1], arrays[2], None) == 0
    expected = f(values, 2.0)
    assert total[0] == expected[0] and (sines == expected[1]).all()
    ffi = cffi.FFI()
    total[:], sines[:] = 0, 0
    given = [ffi.from_buffer("double[]", array) for array in (values, total, sines)]
    assert f.cffi(37, given[0], 2.0, given[1], given[2], ffi.NULL) == 0
    assert total[0] == expected[0] and (sines == expected[1]).all()
    assert f.ctypes(-1, arrays[0], 2.0, arrays[1], arrays[2], None) == 1
    assert ctypes.cast(f.ctypes, ctypes.c_void_p).value == f.address


def test_it_outlives_the_function_and_serves_threads():
    values, found = np.arange(100.0), np.zeros((4, 1))
    pointer = cgrad.function([x], ct.sum(x**2), name="gone").ctypes

    def work(k):
        for _ in range(200):
            pointer(100, values.ctypes.data_as(POINTER), found[k].ctypes.data_as(POINTER), None)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found == np.sum(values**2)).all()


def test_scipy_integrates_it(f):
    integrate = pytest.importorskip("scipy.integrate")
    g = cgrad.function([a], ct.exp(-(a**2)), name="g").low_level_callable()
    assert integrate.quad(g, -np.inf, np.inf)[0] == pytest.approx(np.sqrt(np.pi), rel=1e-12)
    h = cgrad.function([a, b], a * b**2, name="h").low_level_callable()
    assert integrate.nquad(h, [(0, 1), (0, 2)])[0] == pytest.approx(4 / 3, rel=1e-12)
    # the names of the function and of its parameters may be any
    k = cgrad.function([x], ct.sum(x**3), name="x").low_level_callable()
    assert integrate.nquad(k, [(0, 1), (0, 2)])[0] == pytest.approx(4.5, rel=1e-12)
    # another number of arguments than it has is not read
    three = ct.tensor("three", dtype="float64", shape=(3,))
    fixed = cgrad.function([three], ct.sum(three), name="fixed").low_level_callable()
    for wrong in (h, fixed):
        with pytest.warns(integrate.IntegrationWarning):
            assert np.isnan(integrate.quad(wrong, 0, 1)[0])
    assert np.isfinite(integrate.quad(fixed, 0, 1, args=(1.0, 2.0))[0])
    with pytest.raises(TypeError, match=r"takes functions of float64 numbers.*int f\("):
        f.low_level_callable()


def test_a_density_as_samplers_call_it():
    mean = ct.sum(x) / x.shape[0]
    logp = -ct.sum(ct.exp(x - mean) ** 2) + ct.sum(ct.log(x))
    f = cgrad.function([x], [logp, ct.grad(logp, x)], name="logp")
    density = f.density()
    values, gradient, value = np.linspace(0.5, 2, 200), np.zeros(200), np.zeros(1)
    pointers = [array.ctypes.data_as(POINTER) for array in (values, gradient, value)]
    assert density(200, *pointers, None) == 0
    expected = f(values)
    assert value[0] == expected[0] and (gradient == expected[1]).all()
    values[7] = 0
    assert density(200, *pointers, None) == -1
    three = ct.tensor("three", dtype="float64", shape=(3,))
    cost = ct.sum(three**2)
    declared = cgrad.function([three], [cost, ct.grad(cost, three)]).density()
    assert declared(3, *pointers, None) == 0
    assert declared(4, *pointers, None) == 1
    for wrong in ([cost], [ct.grad(cost, three), cost], [cost, ct.hessian(cost, three)]):
        with pytest.raises(TypeError, match=r"returns its value and its gradient"):
            cgrad.function([three], wrong).density()


def test_a_missing_workspace_is_told_and_not_written_to(f):
    A = ct.dmatrix("A")
    solve = cgrad.function([A, x], ct.linalg.solve(A, x), name="s")
    matrix, right, found = 2 * np.eye(3), np.ones(3), np.zeros(3)
    pointers = [array.ctypes.data_as(POINTER) for array in (matrix, right, found)]
    assert solve.ctypes(3, *pointers, None) == 6  # S_MEMORY
    needed = solve.workspace(3)
    assert needed > 0 and f.workspace(37) == 0
    memory = np.empty(needed + 64, np.uint8)
    aligned = (memory.ctypes.data + 63) // 64 * 64
    assert solve.ctypes(3, *pointers, aligned) == 0 and (found == 0.5).all()
    with pytest.raises(TypeError, match="workspace takes n; 2 given"):
        solve.workspace(3, 3)
    with pytest.raises(OverflowError, match="too large"):
        solve.workspace(1 << 60)


def test_lapack_has_no_pointer():
    A = ct.dmatrix("A")
    e = cgrad.function([A], ct.linalg.eigh(A)[0], name="e")
    with pytest.raises(NotImplementedError, match="needs LAPACK"):
        e.address  # noqa: B018
