"""What stands beside the source of a standalone library: a test, and files to build it with.

Responsible for: the texts.  Not responsible for: the values in the test (`cgrad.export`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.codegen.emit import INDENT, head_lines, number_rows, wrapped
from cgrad.codegen.expressions import literal
from cgrad.codegen.standalone import Argument, Library
from cgrad.core.dtypes import C_TYPE, is_complex, is_float, is_inexact, real_part

__all__ = ["cmake", "pkg_config", "self_test"]

TOLERANCE = {"float64": "1e-9", "float32": "1e-4"}
OPTIONS = "-fno-math-errno;-fno-trapping-math;-ffp-contract=off;-fwrapv;-fno-strict-aliasing"


def self_test(
    library: Library, inputs: Mapping[int, Any], outputs: Mapping[int, Any], work_bytes: int
) -> str:
    """A program that calls the library's function with arrays and compares what comes back.

    It prints one line and answers 0, or a line for each difference and answers 1. Its names begin
    with cg_, which those of libraries do not.
    """
    name = library.name
    arrays, call, compare = [], [], []
    for argument in library.arguments:
        place, value = argument.place, None
        if argument.kind == "size":
            source, axis = library.sizes[argument.name]
            call.append(str(inputs[source].shape[axis]))
        elif argument.kind == "value":
            call.append(literal(inputs[place].item(), argument.dtype))
        elif argument.kind == "array":
            dtype, numbers = _numbers(argument.dtype, inputs[place])
            arrays.append(_array(f"cg_in{place}", dtype, numbers, "const "))
            call.append(f"cg_in{place}")
        elif argument.kind == "output":
            dtype, value = _numbers(argument.dtype, outputs[place])
            arrays.append(_array(f"cg_expected{place}", dtype, value, "const "))
            pair = 1 + is_complex(argument.dtype)
            room = max(1, value.size, pair * _room(library, argument, inputs))
            arrays.append(f"static {C_TYPE[dtype]} cg_found{place}[{room}];")
            call.append(f"cg_found{place}")
            compare += _comparison(place, argument, dtype, value.size)
        elif argument.kind == "shape":
            shape = outputs[place].shape
            arrays.append(f"static int64_t cg_shape{place}[{len(shape)}];")
            call.append(f"cg_shape{place}")
            compare += [
                line
                for axis, n in enumerate(shape)
                for line in (
                    f"{INDENT}if (cg_shape{place}[{axis}] != {n})",
                    f'{INDENT * 2}cg_wrong += cg_differs("{argument.name}", {axis});',
                )
            ]
    arrays.append(f"static double cg_workspace[{max(1, work_bytes // 8 + 8)}];")
    needed = [
        str(inputs[library.sizes[a.name][0]].shape[library.sizes[a.name][1]])
        if a.kind == "size"
        else literal(inputs[a.place].item(), a.dtype)
        for a in library.work_arguments
    ]
    aligned = "(void *)(((uintptr_t)cg_workspace + 63) / 64 * 64)"
    lines = [
        f"{INDENT}int cg_wrong = 0;",
        *wrapped(f"{INDENT}if ({name}_work({', '.join(needed)}) > {work_bytes})"),
        f'{INDENT * 2}cg_wrong += cg_differs("the bytes of workspace", 0);',
        *_call_lines(f"{INDENT}const int cg_result = {name}(", [*call, aligned]),
        f"{INDENT}if (cg_result != {name.upper()}_OK)",
        f'{INDENT * 2}cg_wrong += cg_differs("the status", cg_result);',
        *compare,
        f"{INDENT}if (cg_wrong == 0)",
        f'{INDENT * 2}printf("{name}: ok\\n");',
        f"{INDENT}return cg_wrong != 0;",
    ]
    return "\n".join([
        f"/* Calls {name} with values for which the results are known. */",
        f'#include "{name}.h"', "", "#include <math.h>", "#include <stdint.h>",
        "#include <stdio.h>", "", *arrays, "",
        "static int cg_differs(const char *what, long place)", "{",
        f'{INDENT}printf("{name}: %s differs at %ld\\n", what, place);', f"{INDENT}return 1;", "}",
        "",
        "/* Whether x is as good as expected; nan where nan is expected. */",
        "static int cg_is_close(double x, double expected, double tolerance)", "{",
        f"{INDENT}if (isnan(expected) || isinf(expected))",
        f"{INDENT * 2}return isnan(expected) ? isnan(x) != 0 : x == expected;",
        f"{INDENT}return fabs(x - expected) <= tolerance * (1 + fabs(expected));", "}", "",
        "int main(void)", "{", *([] if _has_floats(library) else [f"{INDENT}(void)cg_is_close;"]),
        *lines, "}", "",
    ])  # fmt: skip


def _has_floats(library: Library) -> bool:
    return any(a.kind == "output" and is_inexact(a.dtype) for a in library.arguments)


def _numbers(dtype: str, value: Any) -> tuple[str, Any]:
    """The numbers of an array as C takes them: of complex ones the parts by turns."""
    if not is_complex(dtype):
        return dtype, value
    real = real_part(dtype)
    return real, np.ascontiguousarray(value).reshape(-1).view(real)


def _call_lines(head: str, arguments: Sequence[str]) -> list[str]:
    lines = head_lines(head, arguments)
    return [*lines[:-1], f"{lines[-1]};"]


def _array(name: str, dtype: str, value: Any, const: str) -> str:
    numbers = [literal(v.item(), dtype) for v in value.reshape(-1)] or ["0"]
    head = f"static {const}{C_TYPE[dtype]} {name}[{len(numbers)}] = {{"
    return "\n".join([head, *number_rows(numbers), "};"])


def _room(library: Library, argument: Argument, inputs: Mapping[int, Any]) -> int:
    """Elements of an output whose length only the call knows: no more than all inputs have."""
    if not any(a.kind == "shape" and a.place == argument.place for a in library.arguments):
        return 0
    total = sum(value.size for value in inputs.values()) + 8
    return int(total ** max(1, len(argument.shape)))


def _comparison(place: int, argument: Argument, dtype: str, size: int) -> list[str]:
    if size == 0:
        return [f"{INDENT}(void)cg_expected{place};"]
    found, expected = f"cg_found{place}[k]", f"cg_expected{place}[k]"
    wrong = (
        f"!cg_is_close({found}, {expected}, {TOLERANCE[dtype]})"
        if is_float(dtype)
        else f"{found} != {expected}"
    )
    return [
        f"{INDENT}for (int k = 0; k < {size}; ++k)",
        f"{INDENT * 2}if ({wrong})",
        f'{INDENT * 3}cg_wrong += cg_differs("{argument.name}", k);',
    ]


def cmake(library: Library) -> str:
    """CMakeLists.txt: the library, its test, and what `make install` does."""
    name = library.name
    rows = [
        "cmake_minimum_required(VERSION 3.13)",
        f"project({name} C)",
        "if(NOT CMAKE_BUILD_TYPE)",
        "  set(CMAKE_BUILD_TYPE Release)",
        "endif()",
        "include(CTest)",
        "include(GNUInstallDirs)",
        "",
        f"add_library({name} {name}.c)",
        f"set_target_properties({name} PROPERTIES C_STANDARD 11 PUBLIC_HEADER {name}.h)",
        f"target_include_directories({name} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})",
        f"target_compile_options({name} PRIVATE -O3 {OPTIONS.replace(';', ' ')})",
        f"target_link_libraries({name} PUBLIC m)",
    ]
    if library.uses_blas:
        default = "ON" if library.needs_lapack else "OFF"
        rows += [
            f'option(CG_BLAS "link with CBLAS and LAPACK" {default})',
            "if(CG_BLAS)",
            "  find_package(LAPACK REQUIRED)",
            f"  target_compile_definitions({name} PRIVATE CG_BLAS)",
            f"  target_link_libraries({name} PUBLIC ${{LAPACK_LIBRARIES}})",
            "endif()",
        ]
    rows += [
        "",
        "if(BUILD_TESTING)",
        f"  add_executable({name}_test {name}_test.c)",
        f"  target_link_libraries({name}_test {name})",
        f"  add_test(NAME {name}_test COMMAND {name}_test)",
        "endif()",
        "",
        f"file(RELATIVE_PATH {name}_PREFIX /${{CMAKE_INSTALL_LIBDIR}}/pkgconfig /)",
        f"configure_file({name}.pc.in {name}.pc @ONLY)",
        f"install(TARGETS {name} PUBLIC_HEADER DESTINATION ${{CMAKE_INSTALL_INCLUDEDIR}})",
        f"install(FILES ${{CMAKE_CURRENT_BINARY_DIR}}/{name}.pc",
        "        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)",
        "",
    ]
    return "\n".join(rows)


def pkg_config(library: Library) -> str:
    """NAME.pc.in, which CMake fills in."""
    libraries = "-lm -llapack -lcblas" if library.needs_lapack else "-lm"
    return "\n".join([
        f"prefix=${{pcfiledir}}/@{library.name}_PREFIX@",  # wherever it is installed
        "includedir=${prefix}/@CMAKE_INSTALL_INCLUDEDIR@",
        "libdir=${prefix}/@CMAKE_INSTALL_LIBDIR@", "",
        f"Name: {library.name}", f"Description: {library.name}, generated by cgrad",
        "Version: 1", f"Libs: -L${{libdir}} -l{library.name} {libraries}",
        "Cflags: -I${includedir}", "",
    ])  # fmt: skip
