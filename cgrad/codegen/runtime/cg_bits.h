/* What the elementary functions are written with: bit patterns, and how they are declared.
 */
#pragma once
#include <stdint.h>
#include <string.h>

/* cg: cg_inline */
/* A loop becomes vector code only if all it calls is part of it, however large it gets. */
#if defined(__GNUC__) && defined(__OPTIMIZE__)
#define cg_inline static inline __attribute__((always_inline))
#else
#define cg_inline static inline
#endif

/* cg: cg_function */
/* A function that kernels call is inlined, too. A file with so many calls that compiling it would
 * take seconds is compiled with CG_NO_INLINE: every function once for numbers and, by gcc, once for
 * vectors of them. */
#if !defined(CG_NO_INLINE)
#define cg_function cg_inline
#elif defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__AVX2__) &&      \
    defined(__FMA__)
#define cg_function static __attribute__((noinline, const, simd("notinbranch")))
#elif defined(__GNUC__)
#define cg_function static __attribute__((noinline))
#else
#define cg_function static
#endif

/* cg: cg_bits */
/* memcpy is the conversion that every compiler knows. */
cg_inline uint64_t cg_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* cg: cg_bitsf */
cg_inline uint32_t cg_bitsf(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* cg: cg_from_bits */
cg_inline double cg_from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* cg: cg_from_bitsf */
cg_inline float cg_from_bitsf(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
