/* Functions that loops call with a vector of arguments instead of having them inlined.
 *
 * Where a declaration has the attribute simd, gcc calls functions with the names of the vector ABI
 * of x86-64: _ZGVdN4v_f takes four numbers in a register of AVX2 (d) and answers four results of f.
 * The C library's libmvec is called in this way, too. */
#pragma once
#include "cg_bits.h"

#include <math.h>

/* cg: cg_near_or_far */
/* Defines name(x) from inline functions: near(x) for |x| <= 2^32, far(x) for other x. If
 * no element of a vector is far, a jump leads around the far way; gcc 12 has no jumps in loops that
 * it makes vector code of. Without vector calls, a compiler may inline both ways. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__ELF__) &&         \
    defined(__AVX2__) && defined(__FMA__)
#define CG_VECTOR_CALL(count, symbol, name, near)                                                  \
    __attribute__((noinline, cold)) static cg_doubles##count name##_each##count(                   \
        cg_doubles##count x)                                                                       \
    {                                                                                              \
        for (int k = 0; k < count; ++k) x[k] = name##_one(x[k]);                                   \
        return x;                                                                                  \
    }                                                                                              \
    __attribute__((used)) static cg_doubles##count symbol##name##_one(cg_doubles##count x)         \
    {                                                                                              \
        cg_doubles##count y;                                                                       \
        for (int k = 0; k < count; ++k) ((double *)&y)[k] = near(((double *)&x)[k]);               \
        const cg_ints##count large = ((cg_ints##count)x & INT64_MAX) > 0x41f0000000000000;         \
        int64_t any = 0;                                                                           \
        for (int k = 0; k < count; ++k) any |= large[k];                                           \
        return __builtin_expect(any != 0, 0) ? name##_each##count(x) : y;                          \
    }
#if defined(__AVX512F__)
#define CG_VECTOR_CALL8(name, near) CG_VECTOR_CALL(8, _ZGVeN8v_, name, near)
typedef double cg_doubles8 __attribute__((vector_size(64), may_alias));
typedef int64_t cg_ints8 __attribute__((vector_size(64)));
#else
#define CG_VECTOR_CALL8(name, near)
#endif
typedef double cg_doubles4 __attribute__((vector_size(32), may_alias));
typedef int64_t cg_ints4 __attribute__((vector_size(32)));
typedef double cg_doubles2 __attribute__((vector_size(16), may_alias));
typedef int64_t cg_ints2 __attribute__((vector_size(16)));
#define cg_near_or_far(name, near, far)                                                            \
    __attribute__((noinline, used)) static double name##_one(double x)                             \
    {                                                                                              \
        return __builtin_expect(fabs(x) <= 0x1p32, 1) ? near(x) : far(x);                          \
    }                                                                                              \
    CG_VECTOR_CALL(2, _ZGVbN2v_, name, near)                                                       \
    CG_VECTOR_CALL(4, _ZGVdN4v_, name, near)                                                       \
    CG_VECTOR_CALL8(name, near)                                                                    \
    double name(double x) __asm__(#name "_one") __attribute__((const, nothrow, simd("notinbranch")))
#else
#define cg_near_or_far(name, near, far)                                                            \
    cg_inline double name(double x) { return fabs(x) <= 0x1p32 ? near(x) : far(x); }               \
    _Static_assert(1, "a declaration that ends in a semicolon")
#endif
