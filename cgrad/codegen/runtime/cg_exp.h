/* Exponential functions.
 *
 * Like all elementary functions of this directory: straight-line code without branches, so a
 * compiler vectorises it, and inlines it with the same operations in the body of a loop, its
 * remainder and scalar code. One input gives one bit pattern wherever it stands. fma() is written
 * where it is meant; a CPU without the instruction gets the same bits from a slow library function.
 *
 * Method: x = n ln 2 + r, |r| <= ln(2)/2, with ln 2 in two parts of which the first has trailing
 * zeros (W. J. Cody, W. Waite, Software Manual for the Elementary Functions, 1980); n is rounded by
 * adding 1.5 * 2^52, whose last bits then hold it. The polynomials are minimax fits of our own
 * (Remez exchange in 200 bits). The scale 2^n is two factors, so results below the normal numbers
 * are rounded once. */
#pragma once
#include "cg_bits.h"

#include <math.h>

/* cg: cg_exp = exp */
/* e^x. The polynomial is off by 2^-56. */
static inline double cg_exp(double x)
{
    const double bounded = x > 1000.0 ? 1000.0 : x < -1000.0 ? -1000.0 : x;
    const double shifted = fma(bounded, 0x1.71547652b82fep+0, 0x1.8p52);
    const double n = shifted - 0x1.8p52;
    const double r = fma(n, -0x1.ef35793c7673p-45, fma(n, -0x1.62e42fefa38p-1, bounded));
    const double r2 = r * r, r4 = r2 * r2;
    const double q0 = fma(r, 0x1.55555555557aap-3, 0x1.000000000000ap-1);
    const double q1 = fma(r, 0x1.111111108a9d5p-7, 0x1.555555555139ep-5);
    const double q2 = fma(r, 0x1.a01a042850c21p-13, 0x1.6c16c17fdc54cp-10);
    const double q3 = fma(r, 0x1.71d9244cebdeep-19, 0x1.a019a8c3a8de9p-16);
    const double q4 = fma(r, 0x1.b60d952cb2ffdp-26, 0x1.289e2eaa4356ap-22);
    const double q = fma(r4, fma(r4, q4, fma(r2, q3, q2)), fma(r2, q1, q0));
    const double p = 1.0 + fma(r2, q, r);
    const uint64_t bits = cg_bits(shifted), half = bits >> 1, one = cg_bits(1.0);
    return p * cg_from_bits((half << 52) + one) * cg_from_bits(((bits - half) << 52) + one);
}

/* cg: cg_expf = expf */
/* e^x. The polynomial is off by 2^-28. */
static inline float cg_expf(float x)
{
    const float bounded = x > 150.0f ? 150.0f : x < -150.0f ? -150.0f : x;
    const float shifted = fmaf(bounded, 0x1.715476p+0f, 0x1.8p23f);
    const float n = shifted - 0x1.8p23f;
    const float r = fmaf(n, -0x1.7f7d1cp-20f, fmaf(n, -0x1.62e4p-1f, bounded));
    const float r2 = r * r;
    const float q0 = fmaf(r, 0x1.555488p-3f, 0x1.fffffcp-2f);
    const float q1 = fmaf(r, 0x1.1240dep-7f, 0x1.555842p-5f);
    const float q = fmaf(r2, fmaf(r2, 0x1.6ae7c6p-10f, q1), q0);
    const float p = 1.0f + fmaf(r2, q, r);
    const uint32_t bits = cg_bitsf(shifted), half = bits >> 1, one = cg_bitsf(1.0f);
    return p * cg_from_bitsf((half << 23) + one) * cg_from_bitsf(((bits - half) << 23) + one);
}
