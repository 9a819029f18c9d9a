/* Logarithms; see cg_exp.h for what all elementary functions have in common.
 *
 * Method: x = 2^k (1 + r) with 1 + r from sqrt(1/2) to sqrt(2), read off the bits as in glibc's and
 * CORE-MATH's functions; log(1 + r) = r - r^2/2 + r^3 P(r), where P is a minimax fit of our own
 * (Remez exchange in 200 bits) in two chains, of even and of odd powers. There is no division and no
 * table. k ln 2 + r is added as a sum of two numbers (T. J. Dekker, Numerische Mathematik 18, 1971),
 * so that the two sides may cancel. */
#pragma once
#include "cg_bits.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_log_tail */
/* log(1 + r) - r for 1 + r from sqrt(1/2) to sqrt(2), off by 2^-56 of log(1 + r). */
static inline double cg_log_tail(double r)
{
    const double r2 = r * r;
    double even = 0x1.ac75a192084cp-6, odd = -0x1.ea05fe3f9c969p-5;
    even = fma(even, r2, 0x1.0a622b174bb31p-4), odd = fma(odd, r2, -0x1.d11fa38211e5ap-5);
    even = fma(even, r2, 0x1.d05a648041c45p-5), odd = fma(odd, r2, -0x1.fba1c4e1009dcp-5);
    even = fma(even, r2, 0x1.11cd013763231p-4), odd = fma(odd, r2, -0x1.24d74eb622ed1p-4);
    even = fma(even, r2, 0x1.3b0b88feef107p-4), odd = fma(odd, r2, -0x1.5550ee711ec0cp-4);
    even = fma(even, r2, 0x1.745d3f1e155dbp-4), odd = fma(odd, r2, -0x1.9999c26b83aebp-4);
    even = fma(even, r2, 0x1.c71c71e00da14p-4), odd = fma(odd, r2, -0x1.ffffff2bf4583p-4);
    even = fma(even, r2, 0x1.24924922a3eabp-3), odd = fma(odd, r2, -0x1.555555566b3b7p-3);
    even = fma(even, r2, 0x1.999999999f757p-3), odd = fma(odd, r2, -0x1.fffffffffef14p-3);
    even = fma(even, r2, 0x1.5555555555533p-2);
    return r2 * fma(r, fma(r, odd, even), -0.5);
}

/* cg: cg_log_tailf */
/* log(1 + r) - r for 1 + r from sqrt(1/2) to sqrt(2), off by 2^-27 of log(1 + r). */
static inline float cg_log_tailf(float r)
{
    const float r2 = r * r;
    float even = 0x1.055b82p-3f, odd = -0x1.38b5a4p-4f;
    even = fmaf(even, r2, 0x1.22da1ap-3f), odd = fmaf(odd, r2, -0x1.0d8546p-3f);
    even = fmaf(even, r2, 0x1.99a008p-3f), odd = fmaf(odd, r2, -0x1.547244p-3f);
    even = fmaf(even, r2, 0x1.555554p-2f), odd = fmaf(odd, r2, -0x1.000226p-2f);
    return r2 * fmaf(r, fmaf(r, odd, even), -0.5f);
}

/* cg: cg_log = log */
/* The natural logarithm: -infinity at 0, nan below. */
static inline double cg_log(double x)
{
    const bool tiny = x < 0x1p-1022;
    const uint64_t low = cg_bits(0x1.6a09e667f3bcdp-1), mask = UINT64_C(0x000fffffffffffff);
    const uint64_t bits = cg_bits(tiny ? x * 0x1p54 : x) - low + cg_bits(1.0);
    const double shifted = cg_from_bits((bits >> 52) | cg_bits(0x1p52));
    const double k = shifted - (tiny ? 0x1p52 + 1023 + 54 : 0x1p52 + 1023);
    const double r = cg_from_bits((bits & mask) + low) - 1.0;
    const double high = fma(k, 0x1.62e42fefa38p-1, r);
    const double rest = fma(k, 0x1.62e42fefa38p-1, -high) + r;
    const double y = high + (cg_log_tail(r) + fma(k, 0x1.ef35793c7673p-45, rest));
    return x > 0 ? (x < INFINITY ? y : x) : (x == 0 ? -INFINITY : NAN);
}

/* cg: cg_logf = logf */
/* The natural logarithm: -infinity at 0, nan below. */
static inline float cg_logf(float x)
{
    const bool tiny = x < 0x1p-126f;
    const uint32_t low = cg_bitsf(0x1.6a09e6p-1f), mask = UINT32_C(0x007fffff);
    const uint32_t bits = cg_bitsf(tiny ? x * 0x1p25f : x) - low + cg_bitsf(1.0f);
    const float shifted = cg_from_bitsf((bits >> 23) | cg_bitsf(0x1p23f));
    const float k = shifted - (tiny ? 0x1p23f + 127 + 25 : 0x1p23f + 127);
    const float r = cg_from_bitsf((bits & mask) + low) - 1.0f;
    const float high = fmaf(k, 0x1.62e4p-1f, r);
    const float rest = fmaf(k, 0x1.62e4p-1f, -high) + r;
    const float y = high + (cg_log_tailf(r) + fmaf(k, 0x1.7f7d1cp-20f, rest));
    return x > 0 ? (x < INFINITY ? y : x) : (x == 0 ? -INFINITY : NAN);
}
