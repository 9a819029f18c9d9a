"""Compiled functions for other C code: files to compile elsewhere, and pointers in this process.

Responsible for: what users call.  Not responsible for: the texts (`export`), calls from Python
(`compiled`).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping, Sequence
from typing import Any

import _cffi_backend

from cgrad.adaptors import CALLBACK, DENSITY, callback, density, is_of_one_number, visible
from cgrad.cache.load import Source, load_plain
from cgrad.codegen.standalone import Argument, Library
from cgrad.export import export, library
from cgrad.hashing import digest

__all__ = ["NativeMethods"]

_CTYPES = {
    "uint8_t": ctypes.c_uint8, "float": ctypes.c_float, "double": ctypes.c_double,
    **{f"{u}int{n}_t": getattr(ctypes, f"c_{u}int{n}") for u in ("", "u") for n in (8, 16, 32, 64)},
}  # fmt: skip


class Native:
    """The library of one function in this process; it stays loaded until the process ends."""

    __slots__ = ("address", "callback", "density", "library", "work")

    def __init__(self, f: Any) -> None:
        self.library = library(f, f.name)
        if self.library.needs_lapack:
            raise NotImplementedError(
                f"{f.name}: a pointer to a function that needs LAPACK is not built; export it and "
                "link it with LAPACK, or call the function itself"
            )
        adaptors = {name: text for name, text in self._adaptors() if text}
        text = "".join([_text(self.library), *adaptors.values()])
        names = [self.library.name, f"{self.library.name}_work", *adaptors]
        fields = [("name", f.name), ("native", digest(text.encode()).hex())]
        self.address, self.work, *others = load_plain(fields, names, lambda: Source(text))
        found = dict(zip(adaptors, others, strict=True))
        self.callback = found.get(CALLBACK, 0)
        self.density = found.get(DENSITY, 0)

    def _adaptors(self) -> list[tuple[str, str]]:
        return [(CALLBACK, callback(self.library)), (DENSITY, density(self.library))]


class NativeMethods:
    """The methods of a compiled function that have to do with other C code."""

    name: str
    _native: Native | None = None

    def export(
        self,
        directory: str | os.PathLike[str],
        name: str | None = None,
        *,
        cmake: bool = False,
        example: Sequence[Any] | Mapping[str, Any] | None = None,
    ) -> list[str]:
        """Write the function as C11 that needs neither Python nor cgrad; the paths of the files.

            paths = f.export("out", "loss", cmake=True)

        name     of the C function and the files; by default that of this function. It is reduced
                 to letters, digits and underscores
        cmake    also write CMakeLists.txt and a pkg-config file
        example  arguments for the self-test, a list or a dict by the names of inputs; made up by
                 default

        `NAME.h` says what the function takes: sizes, 0-d arguments by value, arrays as pointers to
        rows, memory for the results, and a workspace of `NAME_work(...)` bytes. `NAME_test.c` is a
        program that calls it and compares the results with those of this function now. Nothing is
        allocated, nothing is kept between calls: any number of threads may call it. It is linked
        with libm only; products of matrices and factors are loops unless CG_BLAS is defined, then
        CBLAS and LAPACK are linked; `eigh`, `svd` and `qr` always need LAPACK.

        Constants and shared variables have the values of now. What an update changes is a
        parameter, and its new value a result. A sparse result is a vector of its elements; the
        header declares constants that say where these are, in compressed rows.

        Errors: `NotImplementedError` where Python is called (`wrap_py`, `Print`), or the places of
        a sparse result depend on lengths that are not declared or on values; `ValueError` if
        no arguments for the self-test can be made up, or constants have more than 10 000 000
        elements; `OSError`.
        """
        return export(self, directory, name, cmake_files=cmake, example=example)

    @property
    def c_signature(self) -> str:
        """The C declaration of what `address` points to."""
        made = library(self, self.name) if self._native is None else self._native.library
        return f"int {made.name}({', '.join(a.declaration for a in made.arguments)})"

    @property
    def address(self) -> int:
        """The address of a C function of the declaration `c_signature`.

        It is the function that `export` writes, compiled when this is first read, valid until the
        process ends. It neither needs the GIL nor takes it. Constants and shared variables have
        the values of that moment.
        """
        if self._native is None:
            self._native = Native(self)
        return self._native.address

    def workspace(self, *sizes: int) -> int:
        """The bytes that the argument `work` of `address` must have, aligned to 64 bytes.

            memory = numpy.empty(f.workspace(n) + 64, "uint8")

        sizes  the leading sizes of `c_signature`, in its order, and the integers among its other
               arguments that results are as long as; most functions need nothing, and 0 is the
               answer: `work` may be NULL. Where it may not, a call without it returns the status
               `NAME_MEMORY` of the header that `export` writes.

        Errors: `TypeError` for another number of sizes; `OverflowError` for too large ones.
        """
        self.address  # noqa: B018
        assert self._native is not None
        wanted = self._native.library.work_arguments
        if len(sizes) != len(wanted):
            raise TypeError(
                f"{self.name}: workspace takes {', '.join(a.name for a in wanted) or 'no sizes'}; "
                f"{len(sizes)} given"
            )
        kinds = [_ctypes_type(argument) for argument in wanted]
        needed: int = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(self._native.work)(*sizes)
        if needed >= (1 << 63) - 1:
            raise OverflowError(f"{self.name}: the workspace for {sizes} is too large")
        return needed

    @property
    def ctypes(self) -> Any:
        """The same as a function of ctypes; arrays are passed as pointers."""
        address = self.address
        assert self._native is not None
        kinds = [_ctypes_type(argument) for argument in self._native.library.arguments]
        return ctypes.CFUNCTYPE(ctypes.c_int, *kinds)(address)

    @property
    def cffi(self) -> Any:
        """The same as a function pointer of cffi."""
        address = self.address
        assert self._native is not None
        kinds = tuple(_cffi_type(argument.c_type) for argument in self._native.library.arguments)
        function = _cffi_backend.new_function_type(kinds, _cffi_type("int"), False)
        return _cffi_backend.cast(function, address)

    def low_level_callable(self) -> Any:
        """The function as a `scipy.LowLevelCallable`, for `quad`, `nquad` and the like.

        It must return one float64 number and take either float64 numbers or one float64 vector:
        one number is `double (double)`, all else `double (int, double *)`. Where the function
        fails, or is given another number of numbers than it takes, the answer is nan.

        Errors: `TypeError` for other functions; `ImportError` without SciPy.
        """
        from scipy import LowLevelCallable

        self.address  # noqa: B018
        assert self._native is not None
        if not self._native.callback:
            raise TypeError(
                f"{self.name}: scipy.LowLevelCallable takes functions of float64 numbers, or of "
                "one float64 vector, that return one float64 number and have a workspace of fixed "
                f"size; this is {self.c_signature}. Use address, ctypes or cffi"
            )
        kinds: list[Any] = [ctypes.c_double]
        if not is_of_one_number(self._native.library):
            kinds = [ctypes.c_int, ctypes.POINTER(ctypes.c_double)]
        return LowLevelCallable(ctypes.CFUNCTYPE(ctypes.c_double, *kinds)(self._native.callback))

    def density(self) -> Any:
        """The function as samplers in other languages take a log-density, by ctypes.

            int64_t density(uint64_t dim, const double *x, double *grad, double *logp, void *data)

        For a function of one float64 vector that returns [value, gradient]. `dim` is the length of
        x, `data` is not used. It returns 0; the status of the function where that fails, or where
        `dim` is not the length that was declared; and -1 where the value is not finite, which
        samplers take as a point to be rejected. `ctypes.cast(f.density(), ctypes.c_void_p).value`
        is the address. It stays valid until the process ends, needs no GIL, and any number of
        threads may call it; what workspace it needs is allocated in each call.

        Errors: `TypeError` for other functions.
        """
        self.address  # noqa: B018
        assert self._native is not None
        if not self._native.density:
            raise TypeError(
                f"{self.name}: a density takes one float64 vector and returns its value and its "
                f"gradient, [cost, grad(cost, x)]; this is {self.c_signature}"
            )
        pointer = ctypes.POINTER(ctypes.c_double)
        kinds = (ctypes.c_uint64, pointer, pointer, pointer, ctypes.c_void_p)
        return ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(self._native.density)


def _ctypes_type(argument: Argument) -> Any:
    if argument.c_type == "void *":
        return ctypes.c_void_p
    if argument.c_type.endswith("*"):
        return ctypes.POINTER(_CTYPES[argument.c_type.removeprefix("const ").removesuffix(" *")])
    return _CTYPES[argument.c_type]


def _cffi_type(c_type: str) -> Any:
    if c_type.endswith(" *"):
        return _cffi_backend.new_pointer_type(
            _cffi_type(c_type.removeprefix("const ").removesuffix(" *"))
        )
    if c_type == "void":
        return _cffi_backend.new_void_type()
    return _cffi_backend.new_primitive_type(c_type)


def _text(made: Library) -> str:
    """The source with its header in it."""
    return made.source.replace(f'#include "{made.name}.h"\n', visible(made.header), 1)
