/* Calls of Python functions: a kernel is given the address of a callback as an array of one. */
#pragma once
#include "cg_abi.h"

/* cg: cg_callback */
/* Shapes one after the other, the first elements of the arguments and of the result; 0 if all went
 * well. */
typedef int64_t (*cg_callback)(const int64_t *shapes, const void *const *arrays);

/* cg: cg_python */
#define cg_python(address, shapes, ...) \
    ((cg_callback)(intptr_t)*(address))(shapes, (const void *const[]){__VA_ARGS__})
