/* Logarithms; see cg_exp.h for what all elementary functions have in common.
 *
 * Method: x = 2^k (1 + r) with 1 + r from sqrt(1/2) to sqrt(2), read off the bits as in glibc's and
 * CORE-MATH's functions; log(1 + r) = r - r^2/2 + r^3 P(r), where P is a minimax fit of our own
 * (Remez exchange in 200 bits) in two chains, of even and of odd powers. There is no division and
 * no table. k ln 2 + r is a sum of two numbers (T. J. Dekker, Numerische Mathematik 18, 1971):
 * the two may cancel. */
#pragma once
#include "cg_bits.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_log_tail */
/* log(1 + r) - r for 1 + r from sqrt(1/2) to sqrt(2), off by 2^-56 of log(1 + r). */
cg_inline double cg_log_tail(double r)
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
cg_inline float cg_log_tailf(float r)
{
    const float r2 = r * r;
    float even = 0x1.055b82p-3f, odd = -0x1.38b5a4p-4f;
    even = fmaf(even, r2, 0x1.22da1ap-3f), odd = fmaf(odd, r2, -0x1.0d8546p-3f);
    even = fmaf(even, r2, 0x1.99a008p-3f), odd = fmaf(odd, r2, -0x1.547244p-3f);
    even = fmaf(even, r2, 0x1.555554p-2f), odd = fmaf(odd, r2, -0x1.000226p-2f);
    return r2 * fmaf(r, fmaf(r, odd, even), -0.5f);
}

/* cg: cg_log_parts */
/* r and k of a positive x. */
cg_inline double cg_log_parts(double x, double *k)
{
    const bool tiny = x < 0x1p-1022;
    const uint64_t low = cg_bits(0x1.6a09e667f3bcdp-1), mask = UINT64_C(0x000fffffffffffff);
    const uint64_t bits = cg_bits(tiny ? x * 0x1p54 : x) - low + cg_bits(1.0);
    const double shifted = cg_from_bits((bits >> 52) | cg_bits(0x1p52));
    *k = shifted - (tiny ? 0x1p52 + 1023 + 54 : 0x1p52 + 1023);
    return cg_from_bits((bits & mask) + low) - 1.0;
}

/* cg: cg_log_partsf */
/* r and k of a positive x. */
cg_inline float cg_log_partsf(float x, float *k)
{
    const bool tiny = x < 0x1p-126f;
    const uint32_t low = cg_bitsf(0x1.6a09e6p-1f), mask = UINT32_C(0x007fffff);
    const uint32_t bits = cg_bitsf(tiny ? x * 0x1p25f : x) - low + cg_bitsf(1.0f);
    const float shifted = cg_from_bitsf((bits >> 23) | cg_bitsf(0x1p23f));
    *k = shifted - (tiny ? 0x1p23f + 127 + 25 : 0x1p23f + 127);
    return cg_from_bitsf((bits & mask) + low) - 1.0f;
}

/* cg: cg_log_ends */
/* y, but the logarithm of x where x is not a positive finite number. */
cg_inline double cg_log_ends(double x, double y)
{
    return x > 0 ? (x < INFINITY ? y : x) : (x == 0 ? -INFINITY : NAN);
}

/* cg: cg_log_endsf */
/* y, but the logarithm of x where x is not a positive finite number. */
cg_inline float cg_log_endsf(float x, float y)
{
    return x > 0 ? (x < INFINITY ? y : x) : (x == 0 ? -INFINITY : NAN);
}

/* cg: cg_log = log */
/* The natural logarithm: -infinity at 0, nan below. */
cg_function double cg_log(double x)
{
    double k;
    const double r = cg_log_parts(x, &k);
    const double high = fma(k, 0x1.62e42fefa38p-1, r);
    const double rest = fma(k, 0x1.62e42fefa38p-1, -high) + r;
    return cg_log_ends(x, high + (cg_log_tail(r) + fma(k, 0x1.ef35793c7673p-45, rest)));
}

/* cg: cg_logf = logf */
/* The natural logarithm: -infinity at 0, nan below. */
cg_function float cg_logf(float x)
{
    float k;
    const float r = cg_log_partsf(x, &k);
    const float high = fmaf(k, 0x1.62e4p-1f, r);
    const float rest = fmaf(k, 0x1.62e4p-1f, -high) + r;
    return cg_log_endsf(x, high + (cg_log_tailf(r) + fmaf(k, 0x1.7f7d1cp-20f, rest)));
}

/* cg: cg_log2 = log2 */
/* The logarithm to base 2, exact for powers of 2. */
cg_function double cg_log2(double x)
{
    double k;
    const double r = cg_log_parts(x, &k);
    const double scaled = r * 0x1.71547652b82fep+0, high = k + scaled;
    const double low = fma(r, 0x1.71547652b82fep+0, -scaled) + r * 0x1.777d0ffda0d24p-56;
    const double tail = fma(cg_log_tail(r), 0x1.71547652b82fep+0, low);
    return cg_log_ends(x, high + (tail + (k - high + scaled)));
}

/* cg: cg_log2f = log2f */
/* The logarithm to base 2, exact for powers of 2. */
cg_function float cg_log2f(float x)
{
    float k;
    const float r = cg_log_partsf(x, &k);
    const float scaled = r * 0x1.715476p+0f, high = k + scaled;
    const float low = fmaf(r, 0x1.715476p+0f, -scaled) + r * 0x1.4ae0cp-26f;
    const float tail = fmaf(cg_log_tailf(r), 0x1.715476p+0f, low);
    return cg_log_endsf(x, high + (tail + (k - high + scaled)));
}

/* cg: cg_log10 = log10 */
/* The logarithm to base 10. */
cg_function double cg_log10(double x)
{
    double k;
    const double r = cg_log_parts(x, &k);
    const double scaled = r * 0x1.bcb7b1526e50ep-2, high = fma(k, 0x1.34413509f78p-2, scaled);
    const double rest = fma(k, 0x1.34413509f78p-2, -high) + scaled;
    const double low = fma(r, 0x1.bcb7b1526e50ep-2, -scaled) + r * 0x1.95355baaafad3p-57;
    const double tail = fma(cg_log_tail(r), 0x1.bcb7b1526e50ep-2, low);
    return cg_log_ends(x, high + (tail + fma(k, 0x1.fef311f12b358p-46, rest)));
}

/* cg: cg_log10f = log10f */
/* The logarithm to base 10. */
cg_function float cg_log10f(float x)
{
    float k;
    const float r = cg_log_partsf(x, &k);
    const float scaled = r * 0x1.bcb7b2p-2f, high = fmaf(k, 0x1.344p-2f, scaled);
    const float rest = fmaf(k, 0x1.344p-2f, -high) + scaled;
    const float low = fmaf(r, 0x1.bcb7b2p-2f, -scaled) - r * 0x1.5b235ep-27f;
    const float tail = fmaf(cg_log_tailf(r), 0x1.bcb7b2p-2f, low);
    return cg_log_endsf(x, high + (tail + fmaf(k, 0x1.3509f8p-18f, rest)));
}

/* cg: cg_log1p_sum */
/* log(1 + (high + low)) + more ln 2, where low is at most an ULP of high;
 * -infinity at -1, nan below. */
cg_inline double cg_log1p_sum(double high, double low, double more)
{
    const double u = 1.0 + high, part = u - 1.0, lost = (1.0 - (u - part)) + (high - part) + low;
    const uint64_t least = cg_bits(0x1.6a09e667f3bcdp-1), mask = UINT64_C(0x000fffffffffffff);
    const uint64_t bits = cg_bits(u) - least + cg_bits(1.0), e = bits >> 52;
    const double k = cg_from_bits(e | cg_bits(0x1p52)) - (0x1p52 + 1023) + more;
    const double r = cg_from_bits((bits & mask) + least) - 1.0;
    /* what u lost, over u: half of 2^(1 - k) and the first terms of 1 / (1 + r) */
    const double twice = lost * cg_from_bits((2047 - e) << 52);
    const double found = twice * fma(r, fma(r, 0.5, -0.5), 0.5);
    const double sum = fma(k, 0x1.62e42fefa38p-1, r);
    const double rest = fma(k, 0x1.62e42fefa38p-1, -sum) + r;
    const double tail = cg_log_tail(r) + fma(k, 0x1.ef35793c7673p-45, rest);
    return cg_log_ends(u, sum + (tail + found));
}

/* cg: cg_log1p_sumf */
/* The same in float. */
cg_inline float cg_log1p_sumf(float high, float low, float more)
{
    const float u = 1.0f + high, part = u - 1.0f;
    const float lost = (1.0f - (u - part)) + (high - part) + low;
    const uint32_t least = cg_bitsf(0x1.6a09e6p-1f), mask = UINT32_C(0x007fffff);
    const uint32_t bits = cg_bitsf(u) - least + cg_bitsf(1.0f), e = bits >> 23;
    const float k = cg_from_bitsf(e | cg_bitsf(0x1p23f)) - (0x1p23f + 127) + more;
    const float r = cg_from_bitsf((bits & mask) + least) - 1.0f;
    const float twice = lost * cg_from_bitsf((255 - e) << 23);
    const float found = twice * fmaf(r, fmaf(r, 0.5f, -0.5f), 0.5f);
    const float sum = fmaf(k, 0x1.62e4p-1f, r);
    const float rest = fmaf(k, 0x1.62e4p-1f, -sum) + r;
    const float tail = cg_log_tailf(r) + fmaf(k, 0x1.7f7d1cp-20f, rest);
    return cg_log_endsf(u, sum + (tail + found));
}

/* cg: cg_log1p = log1p */
/* log(1 + x), which keeps its digits near 0. */
cg_function double cg_log1p(double x)
{
    const double y = cg_log1p_sum(x, 0.0, 0.0);
    return fabs(x) < 0x1p-54 ? x : y;
}

/* cg: cg_log1pf = log1pf */
/* log(1 + x), which keeps its digits near 0. */
cg_function float cg_log1pf(float x)
{
    const float y = cg_log1p_sumf(x, 0.0f, 0.0f);
    return fabsf(x) < 0x1p-25f ? x : y;
}
