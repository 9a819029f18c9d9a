"""What of the runtime is pasted into a file, and how libm's functions take its place."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.cache.toolchain import find_compiler, is_clang, kernel_flags
from cgrad.codegen import prelude
from cgrad.pipeline import Program, generate

RUNTIME = Path(prelude.__file__).parent / "runtime"
MARK = re.compile(r"^/\* cg: (\w+)", re.MULTILINE)


def test_every_header_but_the_interface_is_read() -> None:
    assert {*prelude.HEADERS, "cg_abi.h"} == {path.name for path in RUNTIME.glob("*.h")}


def test_names_are_defined_once() -> None:
    marks = [name for path in RUNTIME.glob("*.h") for name in MARK.findall(path.read_text())]
    assert len(marks) == len(set(marks)) > 50


@pytest.mark.parametrize("path", sorted(RUNTIME.glob("*.h")), ids=lambda path: path.name)
def test_lines_of_headers_are_short(path: Path) -> None:
    assert [line for line in path.read_text().splitlines() if len(line) > 100] == []


def test_only_what_is_used_is_pasted_and_before_its_use() -> None:
    x = ct.dvector("x")
    text = generate(Program([x], [ct.exp(x)], "f"))
    defined = re.findall(
        r"^(?:static inline|cg_inline|cg_function) \w+ (cg_\w+)\(", text, re.MULTILINE
    )
    assert "cg_exp" in defined and "cg_bits" in defined
    assert not {"cg_log", "cg_expf", "cg_bitsf", "cg_mod"} & set(defined)
    for name in defined:
        uses = [match.start() for match in re.finditer(rf"\b{name}\(", text)]
        assert uses[0] == text.index(f" {name}(") + 1 and len(uses) > 1, name


def test_exact_functions_are_calls_of_libm() -> None:
    x = ct.dvector("x")
    text = generate(Program([x], [ct.exp(x) + ct.log(x), ct.sigmoid(x) % 2], "f", "exact"))
    assert "cg_exp" not in text and "cg_log" not in text
    assert re.search(r"\bexp\(x", text) and re.search(r"\blog\(x", text) and "cg_mod(" in text


def test_fast_functions_are_those_of_glibc_for_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(tmp_path / "cache"))
    x, s = ct.dvector("x"), ct.fvector("s")
    outputs = [ct.exp(x), x**1.7, ct.sinh(x), ct.erf(s), ct.arctan2(s, 2)]
    f = cgrad.function([x, s], outputs, math="fast")
    for declared in ("double exp(double)", "double pow(double, double)", "float erff(float)"):
        assert f"CG_VECTORS {declared};" in f.c_source
    assert "cg_sinh(" in f.c_source  # glibc's is no faster
    if platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc":
        entries = [path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        symbols = {name for name in (b"_exp", b"vv_pow", b"_erff", b"vv_atan2f") for data in entries
                   if re.search(rb"_ZGV\w+" + name, data)}  # fmt: skip
        assert len(symbols) == 4 or is_clang(find_compiler())
    values = np.linspace(0.1, 20, 37)
    slopes = values.astype("float32")
    expected = [np.exp(values), values**1.7, np.sinh(values), None, np.arctan2(slopes, 2)]
    for got, want in zip(f(values, slopes), expected, strict=True):
        if want is not None:
            np.testing.assert_array_max_ulp(got, want.astype(got.dtype), 5)


@pytest.mark.parametrize("header", [name for name in prelude.HEADERS if name != "cg_math.h"])
def test_headers_are_c_on_their_own(header: str, tmp_path: Path) -> None:
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("needs a C compiler")
    source = tmp_path / "alone.c"
    source.write_text(f'#include "{header}"\n#include "{header}"\nint main(void) {{ return 0; }}\n')
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Werror", "-Wno-unused-function"]
    command = [
        *compiler.words,
        *kernel_flags(find_compiler()),
        *warnings,
        f"-I{RUNTIME}",
        str(source),
        "-c",
        "-o",
    ]
    done = subprocess.run([*command, str(tmp_path / "alone.o")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_spelled_in_float_is_c(tmp_path: Path) -> None:
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("needs a C compiler")
    names = [name for name in prelude._functions() if name.endswith("_f32")]
    assert {"cg_gemm_f32", "cg_eigh_f32"} <= set(names)
    text = prelude.prelude(" ".join(names))
    symbols = {routine.symbol for routine in prelude.routines(" ".join(names))}
    assert {"cblas_sgemm", "cblas_strsm", "spotrf_", "sgesdd_"} <= symbols
    source = tmp_path / "single.c"
    source.write_text(text)
    warnings = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]
    command = [
        *compiler.words,
        *kernel_flags(find_compiler()),
        *warnings,
        str(source),
        "-c",
        "-o",
    ]
    done = subprocess.run([*command, str(tmp_path / "single.o")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
