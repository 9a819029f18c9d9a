"""`f.export`: the files compile without a warning everywhere, and compute the same."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.cache.openblas import library_path
from cgrad.tensor.random import RandomStream

STRICT = ["-Wall", "-Wextra", "-Werror"]
COMPILERS = {
    "gcc": ["gcc", "-std=c11", "-Wpedantic", "-O1"],
    "clang": ["clang", "-std=c11", "-Wpedantic", "-O1"],
    "g++": ["g++", "-x", "c++", "-std=c++17", "-O0"],
}


def functions():
    """name -> function: every kind of parameter and result."""
    A, x, b = ct.dmatrix("A"), ct.dvector("x"), ct.dvector("b")
    n, d = ct.lscalar("n"), ct.dscalar("d")
    iv, bo, s = ct.lvector("iv"), ct.vector("bo", dtype="bool"), ct.fvector("s")
    cost = ct.sum(ct.log1p(ct.exp(A @ x - b)) ** 2)
    (q, _), _ = cgrad.scan(
        lambda q, v: (q + 0.01 * v, v - 0.01 * (q + d * v)), outputs_info=[1.0, 0.0], n_steps=n
    )
    z, s0 = ct.zvector("z"), ct.cscalar("s0")
    power = ct.sum(abs(ct.exp(z) * s0 + ct.constant(np.array([1j, 2]))[0]) ** 2)
    w = cgrad.shared(np.arange(100.0), name="w")
    count = cgrad.shared(1.5, name="count")
    long = ct.constant(np.sqrt(np.arange(100.0)))
    odd = [ct.dvector("class"), ct.dscalar("int"), ct.dscalar('"; system("x")'), ct.dscalar("é")]
    return {
        "regression": ([A, x, b], [cost, ct.grad(cost, x), cgrad.hessian(cost, x)], {}),
        "oscillator": ([n, d], [q[-1], ct.grad(q[-1], d)], {}),
        "special": ([x], [ct.sin(x), ct.tan(x), ct.erf(x), ct.gammaln(x), x**1.5], {}),
        "counted": ([x], [x[x > 0.5], ct.argmax(x), ct.sort(x)], {}),
        "integers": ([iv, bo, s, x], [iv // 3, bo & (x > 0), ct.sum(s), x[iv]], {}),
        "data": ([x], [ct.dot(w, x), w * x + long], {}),
        "reshaped": ([x, n], [x.reshape((n, -1)).sum(axis=0), ct.arange(n)], {}),
        "updated": ([x], {"a": count * x.sum(), "b b": count}, {"updates": {count: count + 1}}),
        "factors": ([A, b], [ct.linalg.cholesky(A @ A.T + 1), ct.linalg.solve(A, b)], {}),
        "numbers": ([], RandomStream(3).normal(size=(4,)), {}),
        "wrong": ([x], {"status": x * 2}, {}),  # names of the test program
        "w_data": ([x], [ct.dot(w, x)], {}),  # and of the source
        "complex": (
            [z, s0],
            [power, ct.grad(power, z), ct.tanh(z) ** 2, z[z.real > 0.5], s0, ct.fft.fft(z, 37)],
            {},
        ),
        "odd": (odd, odd[0] * odd[1] + odd[2] - odd[3], {}),
    }


def build(folder, name, compiler, *words):
    command = [*COMPILERS[compiler], *STRICT, *words, f"{name}.c", f"{name}_test.c", "-o", "t"]
    command += ["-x", "none"] if compiler == "g++" else []
    done = subprocess.run([*command, "-lm"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return subprocess.run(["./t"], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """All functions in one directory: name of the C function -> function."""
    folder = tmp_path_factory.mktemp("exported")
    made = {}
    for name, (inputs, outputs, options) in functions().items():
        f = cgrad.function(inputs, outputs, name=name, on_unused_input="ignore", **options)
        f.export(folder, cmake=True)
        made[name if name != "w_data" else "w_data_"] = f
    return folder, made


@pytest.mark.parametrize("compiler", COMPILERS)
def test_all_compile_without_a_warning_and_pass_their_own_test(exported, compiler):
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    folder, made = exported
    names = (
        list(made)
        if compiler == "gcc"
        else ["regression", "counted", "integers", "special", "complex"]
    )
    for name in names:
        done = build(folder, name, compiler)
        assert (done.returncode, done.stdout) == (0, f"{name}: ok\n"), name


def test_cmake_installs_what_pkg_config_finds(exported, tmp_path):
    for tool in ("cmake", "pkg-config"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}")
    _, made = exported
    made["odd"].export(tmp_path, cmake=True)
    options = ["-DBUILD_TESTING=OFF", "-DCMAKE_INSTALL_LIBDIR=lib/deep"]
    steps = (
        ["-S", ".", "-B", "b", *options],
        ["--build", "b"],
        ["--install", "b", "--prefix", "i"],
    )
    for step in steps:
        done = subprocess.run(["cmake", *step], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    (tmp_path / "i").rename(tmp_path / "moved")
    found = {
        **os.environ,
        "PKG_CONFIG_PATH": str(tmp_path / "moved" / "lib" / "deep" / "pkgconfig"),
    }
    ask = ["pkg-config", "--cflags", "--libs", "odd"]
    words = subprocess.run(
        ask, env=found, capture_output=True, text=True, check=True
    ).stdout.split()
    (tmp_path / "odd.h").unlink()
    subprocess.run(["cc", "odd_test.c", "-o", "t", *words], cwd=tmp_path, check=True)
    done = subprocess.run(["./t"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "odd: ok\n"


def test_the_self_test_notices_a_wrong_number(exported):
    folder, _ = exported
    source = (folder / "odd.c").read_text()
    (folder / "bad.c").write_text(source.replace("odd", "bad").replace(" - ", " + "))
    (folder / "bad.h").write_text((folder / "odd.h").read_text().replace("odd", "bad"))
    test = (folder / "odd_test.c").read_text()
    (folder / "bad_test.c").write_text(test.replace("odd", "bad"))
    done = build(folder, "bad", "gcc")
    assert done.returncode == 1 and "out0 differs at 0" in done.stdout


def test_nothing_but_names_of_c_comes_from_the_user(exported):
    folder, _ = exported
    header = (folder / "odd.h").read_text()
    assert re.search(r"int odd\(int64_t n, const double \*class2, double int2, double", header)
    for path in [*folder.glob("*.c"), *folder.glob("*.h"), *folder.glob("*.txt")]:
        text = path.read_bytes()
        assert text.isascii() and b"system(" not in text
        assert not re.search(
            rb"\b(malloc|calloc|free|Python\.h|static (double|int64_t) \w+;)", text
        )


def test_it_calls_libm_only(exported, tmp_path):
    folder, made = exported
    used = set()
    for name in made:
        subprocess.run(
            ["gcc", "-c", "-O0", f"{name}.c", "-o", tmp_path / "o"], cwd=folder, check=True
        )
        listed = subprocess.run(["nm", tmp_path / "o"], capture_output=True, text=True).stdout
        used |= set(re.findall(r" U (\w+)", listed))
        # no variable that a call could change
        assert not re.search(r" [BbDd] (?!cg_never|cg_runtime)\w+", listed), listed
    assert used <= {
        "exp", "log", "sqrt", "fabs", "floor", "fma", "rint", "copysign", "memcpy", "memset",
        "fmod", "lgamma", "tgamma", "pow", "sin", "cos", "tan", "frexp", "ldexp", "trunc", "ceil",
        "_GLOBAL_OFFSET_TABLE_", "hypot", "memmove",
    }, used  # fmt: skip


def test_status_and_true_shape(exported, tmp_path):
    folder, _ = exported
    for name in ("counted", "reshaped"):
        subprocess.run(
            ["gcc", "-shared", "-fPIC", f"{name}.c", "-o", tmp_path / f"{name}.so", "-lm"],
            cwd=folder, check=True,
        )  # fmt: skip
    counted = ctypes.CDLL(str(tmp_path / "counted.so"))
    x, outs = np.array([0.1, 0.9, 0.7]), [np.zeros(3) for _ in range(3)]
    shape = np.zeros(1, np.int64)
    counted.counted_work.restype = ctypes.c_int64
    work = np.zeros(counted.counted_work(ctypes.c_int64(3)) + 64, np.uint8)
    start = -work.ctypes.data % 64
    arrays = [outs[0], shape, outs[1], outs[2], work[start:]]
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (x, *arrays)]
    assert counted.counted(ctypes.c_int64(3), *pointers) == 0
    assert shape[0] == 2 and outs[0][:2].tolist() == [0.9, 0.7]
    assert counted.counted(ctypes.c_int64(0), *pointers) == 3  # COUNTED_EMPTY
    assert counted.counted(ctypes.c_int64(-1), *pointers) == 1  # COUNTED_SHAPE
    header = (folder / "counted.h").read_text()
    assert "COUNTED_EMPTY, /* the largest or smallest of no elements */" in header


@pytest.mark.skipif(library_path() is None, reason="needs scipy-openblas64")
def test_products_and_factors_call_a_library_if_one_is_linked(tmp_path):
    A, b = ct.dmatrix("A"), ct.dvector("b")
    f = cgrad.function([A, b], [A @ A, ct.linalg.solve(A, b), ct.linalg.eigh(A)[0]], name="dense")
    rng = np.random.default_rng(0)
    a = rng.normal(size=(20, 20))
    f.export(tmp_path, example=[a + a.T, rng.normal(size=20)], cmake=True)
    assert "find_package(LAPACK REQUIRED)" in (tmp_path / "CMakeLists.txt").read_text()
    symbols = re.findall(r"^void (\w+)\(", (tmp_path / "dense.c").read_text(), re.MULTILINE)
    assert {"cblas_dgemm", "dgetrf_", "dsyevd_"} <= set(symbols)
    library = Path(library_path())
    renamed = [f"-D{symbol}=scipy_{symbol}64_" for symbol in set(symbols)]
    link = [f"-L{library.parent}", f"-Wl,-rpath,{library.parent}", f"-l:{library.name}"]
    command = [*COMPILERS["gcc"], *STRICT, "-DCG_BLAS", "-DCG_ILP64", *renamed]
    command += ["dense.c", "dense_test.c", "-o", "t", *link, "-lm"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (
        subprocess.run(["./t"], cwd=tmp_path, capture_output=True, text=True).stdout
        == "dense: ok\n"
    )


def test_integers_of_32_bits_are_spread(tmp_path):
    """A LAPACK whose integers are int: pivots come back as 64-bit integers."""
    A, b = ct.dmatrix("A"), ct.dvector("b")
    f = cgrad.function([A, b], ct.linalg.solve(A, b), name="solved")
    rng = np.random.default_rng(1)
    f.export(tmp_path, example=[rng.normal(size=(12, 12)), rng.normal(size=12)])
    (tmp_path / "library.c").write_text(LIBRARY)
    command = [*COMPILERS["gcc"], "-DCG_BLAS", "solved.c", "solved_test.c", "library.c", "-o", "t"]
    subprocess.run([*command, "-lm"], cwd=tmp_path, check=True)
    assert (
        subprocess.run(["./t"], cwd=tmp_path, capture_output=True, text=True).stdout
        == "solved: ok\n"
    )


# enough of LAPACK and CBLAS for one solve, column-major with row interchanges
LIBRARY = r"""
#include <math.h>
void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivots, int *info)
{
    *info = 0;
    for (int k = 0; k < *n; ++k) {
        int p = k;
        for (int i = k; i < *m; ++i)
            if (fabs(a[i + k * *lda]) > fabs(a[p + k * *lda])) p = i;
        pivots[k] = p + 1;
        for (int j = 0; j < *n; ++j) {
            double t = a[k + j * *lda];
            a[k + j * *lda] = a[p + j * *lda];
            a[p + j * *lda] = t;
        }
        for (int i = k + 1; i < *m; ++i) {
            a[i + k * *lda] /= a[k + k * *lda];
            for (int j = k + 1; j < *n; ++j)
                a[i + j * *lda] -= a[i + k * *lda] * a[k + j * *lda];
        }
    }
}
void cblas_dtrsm(int order, int side, int upper, int trans, int unit, int m, int n, double alpha,
                 const double *a, int lda, double *b, int ldb)
{
    (void)order, (void)side, (void)alpha;
    const int lower = (upper == 122) != (trans == 112);
    for (int c = 0; c < n; ++c)
        for (int s = 0; s < m; ++s) {
            const int i = lower ? s : m - 1 - s;
            double x = b[i * ldb + c];
            for (int j = lower ? 0 : i + 1; j < (lower ? i : m); ++j)
                x -= (trans == 112 ? a[j * lda + i] : a[i * lda + j]) * b[j * ldb + c];
            b[i * ldb + c] = unit == 132 ? x : x / a[i * lda + i];
        }
}
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("int", "int_"), ("class", "class_"), ("printf", "printf_"), ("a b", "a_b"), ("é" * 9, "x"),
     ("x" * 10_000, "x" * 24), ('"; system("x")', "system__x"), ("9", "x_9"), ("cg_f", "x_cg_f"),
     ("kernel", "kernel_"), ("../../up", "up"), ("\n", "x"), ("exp", "exp_")],
)  # fmt: skip
def test_names_of_users(tmp_path, name, expected):
    x = ct.dscalar("x")
    f = cgrad.function([x], x * 2, name="twice")
    paths = [Path(path) for path in f.export(tmp_path, name)]
    assert paths[0].parent == tmp_path and re.fullmatch(r"[A-Za-z0-9_]+\.c", paths[0].name)
    assert paths[0].stem == expected


def test_updates_are_results_and_the_function_keeps_its_state(exported):
    folder, made = exported
    assert made["updated"]([1.0])["a"] == 1.5  # exporting has not called the update
    header = (folder / "updated.h").read_text()
    assert "out2: float64 ()  the new value of count" in header
    assert "count: float64 ()  the value before the call" in header


def test_what_cannot_be_exported_says_why(tmp_path):
    x = ct.dvector("x")
    f = cgrad.function([x], cgrad.Print("here")(x), name="told")
    with pytest.raises(NotImplementedError, match="cannot call the Python functions"):
        f.export(tmp_path)
    g = cgrad.function([x], x[50], name="picky")
    with pytest.raises(ValueError, match="Fix: give some, example="):
        g.export(tmp_path)
    assert g.export(tmp_path, example={"x": np.ones(77)})
