"""Kernels written by hand, in C: what tests of the cache compile, load and call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cgrad.cache.glue import ABI_HEADER
from cgrad.cache.load import Kernel, Source, load_kernel

# the numbers of NumPy's dtypes
F, I = np.dtype(np.float64).num, np.dtype(np.int64).num  # noqa: E741

_NO_WORK = "int64_t cg_work(const int64_t *size) { (void)size; return 0; }\n"
_NO_SIZES = (
    "int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)"
    "{ (void)in; (void)size; (void)out; (void)st; return CG_OK; }\n"
)
_SAME_SIZE = (
    "int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)"
    "{ (void)st; size[0] = in[0].shape[0]; out[0].shape[0] = size[0]; return CG_OK; }\n"
)
_ENTRY = (
    "int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,"
    "void *work, cg_status *st)"
    "{ (void)rt; (void)in; (void)out; (void)size; (void)work; (void)st;\n%s\nreturn CG_OK; }\n"
)
_SPIN = (
    "#include <time.h>\nstatic void spin(double seconds)"
    "{ clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC); while (clock() < end); }\n"
)
_X = "const double *x = in[0].data; double *y = out[0].data;"

# name -> everything after the header
KERNELS = {
    # y = 2 x, 0-d
    "double": _NO_SIZES + _NO_WORK + _ENTRY % f"{_X} y[0] = 2 * x[0];",
    # y = 3 x, 0-d
    "triple": _NO_SIZES + _NO_WORK + _ENTRY % f"{_X} y[0] = 3 * x[0];",
    # y = x + 1 for int64, 0-d
    "successor": _NO_SIZES
    + _NO_WORK
    + _ENTRY % "*(int64_t *)out[0].data = *(int64_t *)in[0].data + 1;",
    # y[i] = x[i] + 1
    "shift": _SAME_SIZE
    + _NO_WORK
    + _ENTRY % f"{_X} for (int64_t i = 0; i < size[0]; i++) y[i] = x[i] + 1;",
    # y = reversed x, by way of a workspace of 8 n bytes that must be 64-byte aligned
    "reverse": _SAME_SIZE
    + "int64_t cg_work(const int64_t *size) { return 8 * size[0]; }\n"
    + _ENTRY
    % (
        f"{_X} double *w = work; int64_t n = size[0]; if ((uintptr_t)work % 64) return CG_VALUE;"
        "for (int64_t i = 0; i < n; i++) w[i] = x[n - 1 - i];"
        "for (int64_t i = 0; i < n; i++) y[i] = w[i];"
    ),
    # the positive elements of x: at most as many as x has
    "positive": _SAME_SIZE
    + _NO_WORK
    + _ENTRY
    % (
        f"{_X} int64_t k = 0; for (int64_t i = 0; i < size[0]; i++) if (x[i] > 0) y[k++] = x[i];"
        "out[0].shape[0] = k;"
    ),
    # x and z must have one length
    "same_length": (
        "int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)"
        "{ size[0] = in[0].shape[0]; if (in[1].shape[0] != size[0]) {"
        "st->code = CG_SHAPE; st->tag = 7; st->axis = 0; st->found = in[1].shape[0];"
        "st->expected = size[0]; return CG_SHAPE; } out[0].shape[0] = size[0]; return CG_OK; }\n"
    )
    + _NO_WORK
    + _ENTRY
    % (
        f"{_X} const double *z = in[1].data;"
        "for (int64_t i = 0; i < size[0]; i++) y[i] = x[i] * z[i];"
    ),
    # fails while running if x is negative; else y = x, and the update is counter + x
    "count": _NO_SIZES
    + _NO_WORK
    + _ENTRY
    % (
        f"{_X} if (x[0] < 0) {{ st->code = CG_VALUE; st->tag = 3; return CG_VALUE; }} y[0] = x[0];"
        "*(double *)out[1].data = *(double *)in[1].data + x[0];"
    ),
    # more memory than there is
    "huge": _SAME_SIZE
    + "int64_t cg_work(const int64_t *size) { (void)size; return INT64_MAX; }\n"
    + _ENTRY % "",
    # runs until it is left, or for about ten seconds
    "endless": _NO_SIZES + _NO_WORK + _SPIN + _ENTRY % "spin(10);",
    # holds on for half a second, notes in its argument that it has, and runs for ten seconds
    "holding": _NO_SIZES
    + _NO_WORK
    + _SPIN
    + _ENTRY
    % (
        "double *noted = in[0].data; if (rt->hold) rt->hold(1); spin(0.5); *noted = 1;"
        "if (rt->hold) rt->hold(0); spin(10);"
    ),
    # y = x + 1, half a second later
    "late": _NO_SIZES + _NO_WORK + _SPIN + _ENTRY % f"{_X} *y = *x; spin(0.5); *y += 1;",
    # the number of threads it may use
    "threads": _NO_SIZES + _NO_WORK + _ENTRY % "*(int64_t *)out[0].data = rt->num_threads;",
}

HEADER = Path(ABI_HEADER).read_text()


def kernel_text(name: str) -> str:
    return HEADER + KERNELS[name]


def load(name: str, meta: dict[str, Any] | None = None) -> Kernel:
    return load_kernel([("graph", name)], lambda: Source(kernel_text(name), meta))


def bind_counter(bind, cell):
    return bind(
        "count", [(F, 0), (F, 0)], [(F, 0), (F, 0)], hidden=[cell], updates=[(1, cell)], n_sizes=0
    )
