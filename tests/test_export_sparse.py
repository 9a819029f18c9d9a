"""Sparse results in C: vectors of elements, and constants that say where these are."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct

STRICT = ["-O1", "-Wall", "-Wextra", "-Werror"]


def test_elements_and_places_are_those_of_a_call(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    v = ct.tensor("v", dtype="float64", shape=(12,))
    index, rows = ct.constant([3, 1, 4, 1, 5]), ct.constant([0, 2, 0, 2, 1])
    # elements out of order, and several that are added up
    scattered = ct.inc_subtensor(ct.zeros((4,))[rows], ct.sin(v[index]))
    looked_up = ct.sin(v)[index] * v[index + 1]
    count = cgrad.shared(1.5, name="count")
    results = {
        "scattered": cgrad.jacobian(scattered, v, sparse=True),
        "v": v.sum() * count,  # the name of an argument
        "coloured": cgrad.jacobian(looked_up, v, sparse=True, colouring="column"),
    }
    f = cgrad.function([v], results, updates={count: count + 1}, name="slopes")
    f.export(tmp_path, example={"v": np.linspace(-1, 1, 12)})
    assert count.get_value() == 1.5
    files = ["slopes.c", "slopes_test.c"]
    for command in (["gcc", "-std=c11"], ["g++", "-x", "c++", "-std=c++17"]):
        if shutil.which(command[0]) is None:
            pytest.skip(f"no {command[0]}")
        shared = command[0] == "gcc"
        words = [*files[:1], "-shared", "-fPIC"] if shared else files
        output = ["-o", "slopes.so" if shared else "t", "-lm"]
        done = subprocess.run(
            [*command, *STRICT, *words, *output], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    done = subprocess.run(["./t"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "slopes: ok\n"

    library = ctypes.CDLL(str(tmp_path / "slopes.so"))
    x = np.linspace(0.1, 0.9, 12)
    found = {name: np.zeros(10) for name in (*results, "count")}
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, *found.values())]
    work = np.zeros(library.slopes_work() + 64, np.uint8)
    aligned = ctypes.c_void_p((work.ctypes.data + 63) // 64 * 64)
    assert library.slopes(pointers[0], ctypes.c_double(1.5), *pointers[1:], aligned) == 0
    expected = f(x)
    assert found["v"][0] == expected["v"] and found["count"][0] == 2.5
    for name in ("scattered", "coloured"):
        m, n = expected[name].shape
        indptr = (ctypes.c_int32 * (m + 1)).in_dll(library, f"slopes_{name}_indptr")
        nnz = indptr[m]
        indices = (ctypes.c_int32 * nnz).in_dll(library, f"slopes_{name}_indices")
        matrix = sparse.csr_array((found[name][:nnz], list(indices), list(indptr)), shape=(m, n))
        np.testing.assert_allclose(matrix.todense(), expected[name].todense(), rtol=1e-14)


def test_places_that_are_not_fixed_are_refused():
    x, i = ct.dvector("x"), ct.lvector("i")
    v = ct.tensor("v", dtype="float64", shape=(12,))
    for given, y, wrt, options in (
        ([x], ct.sin(x), x, {}),
        ([v, i], ct.sin(v)[i], v, {}),
        ([x], ct.sin(x), x, {"colouring": "column"}),
    ):
        f = cgrad.function(given, cgrad.jacobian(y, wrt, sparse=True, **options))
        with pytest.raises(NotImplementedError, match="declare all lengths"):
            f.export("nowhere")
