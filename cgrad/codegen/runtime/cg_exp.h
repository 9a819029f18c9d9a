/* Exponential functions.
 *
 * Like all elementary functions of this directory: straight-line code without branches, so a
 * compiler vectorises it, with the same operations in the body of a loop, its remainder and scalar
 * code, inlined or called. One input gives one bit pattern wherever it stands. fma() is written
 * where it is meant; a CPU without the instruction gets the same bits from a slow library function.
 *
 * Method: x = n ln 2 + r, |r| <= ln(2)/2, with ln 2 in two parts of which the first has trailing
 * zeros (W. J. Cody, W. Waite, Software Manual for the Elementary Functions, 1980); n is rounded by
 * adding 1.5 * 2^52, whose last bits then hold it. The polynomials are minimax fits of our own
 * (Remez exchange in 200 bits). A scale 2^n is two factors where results may be below the normal
 * numbers, so that they are rounded once; with 2 * 1023 added to n, the exponents of both are there
 * by halving it. */
#pragma once
#include "cg_bits.h"

#include <math.h>

/* cg: cg_scale */
/* y 2^n, where the last bits of `shifted` hold n, from -2000 to 2000. */
cg_inline double cg_scale(double y, double shifted)
{
    const uint64_t n = cg_bits(shifted), half = n >> 1, one = cg_bits(1.0);
    return y * cg_from_bits((half << 52) + one) * cg_from_bits(((n - half) << 52) + one);
}

/* cg: cg_scalef */
/* y 2^n, where the last bits of `shifted` hold n, from -250 to 250. */
cg_inline float cg_scalef(float y, float shifted)
{
    const uint32_t n = cg_bitsf(shifted), half = n >> 1, one = cg_bitsf(1.0f);
    return y * cg_from_bitsf((half << 23) + one) * cg_from_bitsf(((n - half) << 23) + one);
}

/* cg: cg_power */
/* 2^n (1 + e), where the last bits of `shifted` hold n + 2 * 1023, the exponents of two factors. */
cg_inline double cg_power(double e, double shifted)
{
    const uint64_t both = cg_bits(shifted), half = both >> 1;
    const double first = cg_from_bits(half << 52);
    return fma(first, e, first) * cg_from_bits((both - half) << 52);
}

/* cg: cg_powerf */
/* The same in float, with n + 2 * 127. */
cg_inline float cg_powerf(float e, float shifted)
{
    const uint32_t both = cg_bitsf(shifted), half = both >> 1;
    const float first = cg_from_bitsf(half << 23);
    return fmaf(first, e, first) * cg_from_bitsf((both - half) << 23);
}

/* cg: cg_exp = exp */
/* e^x. The polynomial is off by 2^-56. */
cg_function double cg_exp(double x)
{
    const double most = x > 1000.0 ? 1000.0 : x, bounded = most < -1000.0 ? -1000.0 : most;
    const double zero = 0x1.8p52 + 2046.0, shifted = fma(bounded, 0x1.71547652b82fep+0, zero);
    const double n = shifted - zero;
    const double r = fma(n, -0x1.ef35793c7673p-45, fma(n, -0x1.62e42fefa38p-1, bounded));
    const double r2 = r * r, r4 = r2 * r2;
    const double q0 = fma(r, 0x1.55555555557aap-3, 0x1.000000000000ap-1);
    const double q1 = fma(r, 0x1.111111108a9d5p-7, 0x1.555555555139ep-5);
    const double q2 = fma(r, 0x1.a01a042850c21p-13, 0x1.6c16c17fdc54cp-10);
    const double q3 = fma(r, 0x1.71d9244cebdeep-19, 0x1.a019a8c3a8de9p-16);
    const double q4 = fma(r, 0x1.b60d952cb2ffdp-26, 0x1.289e2eaa4356ap-22);
    const double q = fma(r4, fma(r4, q4, fma(r2, q3, q2)), fma(r2, q1, q0));
    return cg_power(fma(r2, q, r), shifted);
}

/* cg: cg_expf = expf */
/* e^x. The polynomial is off by 2^-28. */
cg_function float cg_expf(float x)
{
    const float most = x > 150.0f ? 150.0f : x, bounded = most < -150.0f ? -150.0f : most;
    const float zero = 0x1.8p23f + 254.0f, shifted = fmaf(bounded, 0x1.715476p+0f, zero);
    const float n = shifted - zero;
    const float r = fmaf(n, -0x1.7f7d1cp-20f, fmaf(n, -0x1.62e4p-1f, bounded));
    const float r2 = r * r;
    const float q0 = fmaf(r, 0x1.555488p-3f, 0x1.fffffcp-2f);
    const float q1 = fmaf(r, 0x1.1240dep-7f, 0x1.555842p-5f);
    const float q = fmaf(r2, fmaf(r2, 0x1.6ae7c6p-10f, q1), q0);
    return cg_powerf(fmaf(r2, q, r), shifted);
}

/* cg: cg_exp2 = exp2 */
/* 2^x. The polynomial is off by 2^-55. */
cg_function double cg_exp2(double x)
{
    const double most = x > 1100.0 ? 1100.0 : x, bounded = most < -1100.0 ? -1100.0 : most;
    const double shifted = bounded + 0x1.8p52;
    const double r = bounded - (shifted - 0x1.8p52);
    const double r2 = r * r, r4 = r2 * r2;
    const double q0 = fma(r, 0x1.c6b08d704a044p-5, 0x1.ebfbdff82c5a1p-3);
    const double q1 = fma(r, 0x1.5d87fe78c3ae5p-10, 0x1.3b2ab6fba0705p-7);
    const double q2 = fma(r, 0x1.ffcbfbc6eefbfp-17, 0x1.4309130de53eep-13);
    const double q3 = fma(r, 0x1.b52653f1eadbep-24, 0x1.62bfc99dbe089p-20);
    const double q4 = fma(r, 0x1.e7c65466a36b8p-32, 0x1.e61857e31bd91p-28);
    const double q = fma(r4, fma(r4, q4, fma(r2, q3, q2)), fma(r2, q1, q0));
    return cg_scale(fma(r, fma(r, q, 0x1.62e42fefa39efp-1), 1.0), shifted);
}

/* cg: cg_exp2f = exp2f */
/* 2^x. The polynomial is off by 2^-32. */
cg_function float cg_exp2f(float x)
{
    const float most = x > 160.0f ? 160.0f : x, bounded = most < -160.0f ? -160.0f : most;
    const float shifted = bounded + 0x1.8p23f;
    const float r = bounded - (shifted - 0x1.8p23f), r2 = r * r;
    const float q0 = fmaf(r, 0x1.ebfbep-3f, 0x1.62e43p-1f);
    const float q1 = fmaf(r, 0x1.3b2a56p-7f, 0x1.c6b07p-5f);
    const float q2 = fmaf(r, 0x1.4416ecp-13f, 0x1.5da25ep-10f);
    const float q = fmaf(r2, fmaf(r2, fmaf(r2, 0x1.e5361ep-17f, q2), q1), q0);
    return cg_scalef(fmaf(r, q, 1.0f), shifted);
}

/* cg: cg_expm1_of */
/* (e^x - 1 - r) / r^2 for r up to ln(2)/2, off by 2^-59 of e^x - 1. */
cg_inline double cg_expm1_of(double r)
{
    const double r2 = r * r, r4 = r2 * r2;
    const double q0 = fma(r, 0x1.5555555555559p-3, 0.5);
    const double q1 = fma(r, 0x1.111111110f6abp-7, 0x1.555555555553ep-5);
    const double q2 = fma(r, 0x1.a01a01afe9194p-13, 0x1.6c16c16c1f164p-10);
    const double q3 = fma(r, 0x1.71ddf84389c39p-19, 0x1.a01a017b96572p-16);
    const double q4 = fma(r, 0x1.af5ee56654d7cp-26, 0x1.27e5365f10316p-22);
    const double q45 = fma(r2, 0x1.1ee8885b815ebp-29, q4);
    return fma(r4, fma(r4, q45, fma(r2, q3, q2)), fma(r2, q1, q0));
}

/* cg: cg_expm1_off */
/* (e^x - 1 - r) / r^2 for r up to ln(2)/2, off by 2^-28 of e^x - 1. */
cg_inline float cg_expm1_off(float r)
{
    const float r2 = r * r;
    const float q0 = fmaf(r, 0x1.55552cp-3f, 0.5f);
    const float q1 = fmaf(r, 0x1.1155a8p-7f, 0x1.555502p-5f);
    const float q2 = fmaf(r, 0x1.3ae8f8p-13f, 0x1.6d2e4ap-10f);
    return fmaf(r2, fmaf(r2, q2, q1), q0);
}

/* cg: cg_expm1 = expm1 */
/* e^x - 1 = 2 (h e^r - 1/2) with h = 2^n / 2, which does not overflow before the result does. */
cg_function double cg_expm1(double x)
{
    const double most = x > 710.0 ? 710.0 : x, bounded = most < -40.0 ? -40.0 : most;
    const double shifted = fma(bounded, 0x1.71547652b82fep+0, 0x1.8p52);
    const double n = shifted - 0x1.8p52;
    const double first = fma(n, -0x1.62e42fefa38p-1, bounded);
    const double r = fma(n, -0x1.ef35793c7673p-45, first);
    const double low = fma(n, -0x1.ef35793c7673p-45, first - r);
    const double h = cg_from_bits((cg_bits(shifted) << 52) + cg_bits(0.5));
    const double high = fma(h, r, h - 0.5), rest = fma(h, r, h - 0.5 - high);
    const double y = 2.0 * (high + fma(h, fma(r * r, cg_expm1_of(r), low), rest));
    return fabs(x) < 0x1p-54 ? x : y;
}

/* cg: cg_expm1f = expm1f */
/* The same in float. */
cg_function float cg_expm1f(float x)
{
    const float most = x > 89.0f ? 89.0f : x, bounded = most < -20.0f ? -20.0f : most;
    const float shifted = fmaf(bounded, 0x1.715476p+0f, 0x1.8p23f);
    const float n = shifted - 0x1.8p23f;
    const float first = fmaf(n, -0x1.62e4p-1f, bounded);
    const float r = fmaf(n, -0x1.7f7d1cp-20f, first);
    const float low = fmaf(n, -0x1.7f7d1cp-20f, first - r);
    const float h = cg_from_bitsf((cg_bitsf(shifted) << 23) + cg_bitsf(0.5f));
    const float high = fmaf(h, r, h - 0.5f), rest = fmaf(h, r, h - 0.5f - high);
    const float y = 2.0f * (high + fmaf(h, fmaf(r * r, cg_expm1_off(r), low), rest));
    return fabsf(x) < 0x1p-25f ? x : y;
}
