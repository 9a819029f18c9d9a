/* Calls of Python functions: a kernel is given the address of a callback as an array of one. */
#pragma once
#include "cg_abi.h"
#include "cg_bits.h"

/* cg: cg_callback */
/* Shapes one after the other, the first elements of the arguments and of the result; `done` becomes
 * 1 if all went well. It is no returned value, which is not defined where a signal keeps the Python
 * function from beginning. */
typedef void (*cg_callback)(const int64_t *shapes, const void *const *arrays, int64_t *done);

/* cg: cg_failed */
cg_inline int64_t cg_failed(cg_callback call, const int64_t *shapes, const void *const *arrays)
{
    int64_t done = 0;
    call(shapes, arrays, &done);
    return !done;
}

/* cg: cg_python */
#define cg_python(address, shapes, ...) \
    cg_failed((cg_callback)(intptr_t)*(address), shapes, (const void *const[]){__VA_ARGS__})
