/* Hyperbolic functions and their inverses; see cg_exp.h for what all elementary functions have in
 * common. The polynomials are minimax fits of our own. */
#pragma once
#include "cg_exp.h"
#include "cg_log.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_exp_twice */
/* e^2|x| = s (1 + p), s a power of two; as if |x| were 354 beyond. */
cg_inline double cg_exp_twice(double x, double *p)
{
    const double size = fabs(x), bounded = size > 354.0 ? 708.0 : 2.0 * size;
    const double shifted = fma(bounded, 0x1.71547652b82fep+0, 0x1.8p52);
    const double n = shifted - 0x1.8p52;
    const double r = fma(n, -0x1.ef35793c7673p-45, fma(n, -0x1.62e42fefa38p-1, bounded));
    *p = fma(r * r, cg_expm1_of(r), r);
    return cg_from_bits((cg_bits(shifted) << 52) + cg_bits(1.0));
}

/* cg: cg_exp_twicef */
/* The same in float; as if |x| were 43 beyond. */
cg_inline float cg_exp_twicef(float x, float *p)
{
    const float size = fabsf(x), bounded = size > 43.0f ? 86.0f : 2.0f * size;
    const float shifted = fmaf(bounded, 0x1.715476p+0f, 0x1.8p23f);
    const float n = shifted - 0x1.8p23f;
    const float r = fmaf(n, -0x1.7f7d1cp-20f, fmaf(n, -0x1.62e4p-1f, bounded));
    *p = fmaf(r * r, cg_expm1_off(r), r);
    return cg_from_bitsf((cg_bitsf(shifted) << 23) + cg_bitsf(1.0f));
}

/* cg: cg_tanh = tanh */
/* (e^2x - 1) / (e^2x + 1), numerator and denominator from one e^r, each as a sum of two numbers:
 * near 1 their roundings would add up. */
cg_function double cg_tanh(double x)
{
    double p;
    const double s = cg_exp_twice(x, &p);
    const double above = fma(s, p, s - 1.0), above_low = fma(s, p, s - 1.0 - above);
    const double below = fma(s, p, s + 1.0), below_low = fma(s, p, s - below + 1.0);
    const double inverse = 1.0 / below, y = above * inverse;
    const double left = fma(-y, below, above) + fma(-y, below_low, above_low);
    return copysign(fma(left, inverse, y), x);
}

/* cg: cg_tanhf = tanhf */
/* The same in float. */
cg_function float cg_tanhf(float x)
{
    float p;
    const float s = cg_exp_twicef(x, &p);
    const float above = fmaf(s, p, s - 1.0f), above_low = fmaf(s, p, s - 1.0f - above);
    const float below = fmaf(s, p, s + 1.0f), below_low = fmaf(s, p, s - below + 1.0f);
    const float inverse = 1.0f / below, y = above * inverse;
    const float left = fmaf(-y, below, above) + fmaf(-y, below_low, above_low);
    return copysignf(fmaf(left, inverse, y), x);
}

/* cg: cg_dtanh */
/* The derivative of tanh, 4 e / (1 + e)^2 with e = e^2|x|, which keeps its digits in the tails,
 * off by at most 3 units; 0 where it is below 2^-1019. Beside cg_tanh a compiler computes e and
 * 1 / (1 + e) once. */
cg_function double cg_dtanh(double x)
{
    double p;
    const double s = cg_exp_twice(x, &p);
    const double below = fma(s, p, s + 1.0), below_low = fma(s, p, s - below + 1.0);
    const double inverse = 1.0 / below;
    const double off = fma(inverse, below_low, fma(inverse, below, -1.0));
    const double share = fma(-inverse, off, inverse);
    const double y = 4.0 * share * (fma(s, p, s) * share);
    return fabs(x) > 354.0 ? 0.0 : y;
}

/* cg: cg_dtanhf */
/* The same in float; 0 below 2^-122. */
cg_function float cg_dtanhf(float x)
{
    float p;
    const float s = cg_exp_twicef(x, &p);
    const float below = fmaf(s, p, s + 1.0f), below_low = fmaf(s, p, s - below + 1.0f);
    const float inverse = 1.0f / below;
    const float off = fmaf(inverse, below_low, fmaf(inverse, below, -1.0f));
    const float share = fmaf(-inverse, off, inverse);
    const float y = 4.0f * share * (fmaf(s, p, s) * share);
    return fabsf(x) > 43.0f ? 0.0f : y;
}

/* cg: cg_sinh_cosh */
/* An eighth of sinh and cosh of |x| for x = n ln 2 + r, from sinh and cosh of r and of n ln 2. */
cg_inline double cg_sinh_cosh(double x, double *cosh8)
{
    const double size = fabs(x), bounded = size > 711.0 ? 711.0 : size;
    const double shifted = fma(bounded, 0x1.71547652b82fep+0, 0x1.8p52);
    const double n = shifted - 0x1.8p52, least = (n > 64.0 ? 64.0 : n) + 0x1.8p52;
    const double first = fma(n, -0x1.62e42fefa38p-1, bounded);
    const double r = fma(n, -0x1.ef35793c7673p-45, first);
    const double low = fma(n, -0x1.ef35793c7673p-45, first - r);
    const double z = r * r, z2 = z * z;
    const double s0 = fma(z, 0x1.111111110f67fp-7, 0x1.5555555555559p-3);
    const double s1 = fma(z, 0x1.71ddf817e6e3fp-19, 0x1.a01a01affa9b8p-13);
    const double s = fma(r * z, fma(z2, fma(z2, 0x1.af5f3031fbdf8p-26, s1), s0), low);
    const double c0 = fma(z, 0x1.555555554fef4p-5, 0x1.000000000000cp-1);
    const double c1 = fma(z, 0x1.a01995f5f45f1p-16, 0x1.6c16c185e5698p-10);
    const double c = z * fma(z2, fma(z2, 0x1.28b0d50dbbe39p-22, c1), c0);
    const double up = cg_from_bits((cg_bits(shifted) << 52) + cg_bits(0x1p-4));
    const double down = cg_from_bits(cg_bits(0x1p-4) - (cg_bits(least) << 52));
    const double a = up + down, b = up - down;
    const double high = fma(a, r, b), rest = fma(a, r, b - high);
    *cosh8 = a + fma(a, c, fma(b, r + s, up - a + down));
    return high + fma(b, c, fma(a, s, rest));
}

/* cg: cg_sinh_coshf */
/* The same in float. */
cg_inline float cg_sinh_coshf(float x, float *cosh8)
{
    const float size = fabsf(x), bounded = size > 90.0f ? 90.0f : size;
    const float shifted = fmaf(bounded, 0x1.715476p+0f, 0x1.8p23f);
    const float n = shifted - 0x1.8p23f, least = (n > 32.0f ? 32.0f : n) + 0x1.8p23f;
    const float first = fmaf(n, -0x1.62e4p-1f, bounded);
    const float r = fmaf(n, -0x1.7f7d1cp-20f, first);
    const float low = fmaf(n, -0x1.7f7d1cp-20f, first - r), z = r * r;
    const float s0 = fmaf(z, fmaf(z, 0x1.a2dd46p-13f, 0x1.110fcp-7f), 0x1.555556p-3f);
    const float s = fmaf(r * z, s0, low);
    const float c = z * fmaf(z, fmaf(z, 0x1.6d51dap-10f, 0x1.5554e4p-5f), 0.5f);
    const float up = cg_from_bitsf((cg_bitsf(shifted) << 23) + cg_bitsf(0x1p-4f));
    const float down = cg_from_bitsf(cg_bitsf(0x1p-4f) - (cg_bitsf(least) << 23));
    const float a = up + down, b = up - down;
    const float high = fmaf(a, r, b), rest = fmaf(a, r, b - high);
    *cosh8 = a + fmaf(a, c, fmaf(b, r + s, up - a + down));
    return high + fmaf(b, c, fmaf(a, s, rest));
}

/* cg: cg_sinh = sinh */
cg_function double cg_sinh(double x)
{
    double other;
    const double y = copysign(8.0 * cg_sinh_cosh(x, &other), x);
    return fabs(x) < 0x1p-28 ? x : y;
}

/* cg: cg_sinhf = sinhf */
cg_function float cg_sinhf(float x)
{
    float other;
    const float y = copysignf(8.0f * cg_sinh_coshf(x, &other), x);
    return fabsf(x) < 0x1p-13f ? x : y;
}

/* cg: cg_cosh = cosh */
cg_function double cg_cosh(double x)
{
    double y;
    cg_sinh_cosh(x, &y);
    return 8.0 * y;
}

/* cg: cg_coshf = coshf */
cg_function float cg_coshf(float x)
{
    float y;
    cg_sinh_coshf(x, &y);
    return 8.0f * y;
}

/* cg: cg_asinh = asinh */
/* log1p(|x| + x^2 / (1 + sqrt(1 + x^2))), log(2 |x|) where x is large. */
cg_function double cg_asinh(double x)
{
    const double size = fabs(x), a = size < 0x1p28 ? size : 1.0, square = a * a;
    const double w = square / (1.0 + sqrt(fma(a, a, 1.0))), f = a + w, low = a - f + w;
    const bool large = size >= 0x1p28;
    const double y = cg_log1p_sum(large ? size - 1.0 : f, large ? 0.0 : low, large ? 1.0 : 0.0);
    return size < 0x1p-28 ? x : copysign(x != x ? x : y, x);
}

/* cg: cg_asinhf = asinhf */
/* The same in float. */
cg_function float cg_asinhf(float x)
{
    const float size = fabsf(x), a = size < 0x1p13f ? size : 1.0f, square = a * a;
    const float w = square / (1.0f + sqrtf(fmaf(a, a, 1.0f))), f = a + w, low = a - f + w;
    const bool large = size >= 0x1p13f;
    const float y =
        cg_log1p_sumf(large ? size - 1.0f : f, large ? 0.0f : low, large ? 1.0f : 0.0f);
    return size < 0x1p-13f ? x : copysignf(x != x ? x : y, x);
}

/* cg: cg_acosh = acosh */
/* log1p(t + sqrt(2 t + t^2)) with t = x - 1, log(2 x) where x is large; nan below 1. */
cg_function double cg_acosh(double x)
{
    const double t = x - 1.0, a = x < 0x1p28 ? t : 1.0;
    const double w = sqrt(fma(a, a, 2.0 * a)), f = a + w;
    const double low = a < w ? w - f + a : a - f + w;
    const bool large = x >= 0x1p28;
    const double y = cg_log1p_sum(large ? t : f, large ? 0.0 : low, large ? 1.0 : 0.0);
    return x >= 1.0 ? y : NAN;
}

/* cg: cg_acoshf = acoshf */
/* The same in float. */
cg_function float cg_acoshf(float x)
{
    const float t = x - 1.0f, a = x < 0x1p13f ? t : 1.0f;
    const float w = sqrtf(fmaf(a, a, 2.0f * a)), f = a + w;
    const float low = a < w ? w - f + a : a - f + w;
    const bool large = x >= 0x1p13f;
    const float y = cg_log1p_sumf(large ? t : f, large ? 0.0f : low, large ? 1.0f : 0.0f);
    return x >= 1.0f ? y : NAN;
}

/* cg: cg_atanh = atanh */
/* log1p(2 |x| / (1 - |x|)) / 2, with the quotient as a sum of two numbers; nan beyond 1. */
cg_function double cg_atanh(double x)
{
    const double size = fabs(x), d = 1.0 - size, lost = 1.0 - d - size;
    const double inverse = 1.0 / d, z = 2.0 * size * inverse;
    const double low = (fma(-z, d, 2.0 * size) - z * lost) * inverse;
    const double y = 0.5 * cg_log1p_sum(z, low, 0.0);
    return size < 0x1p-28 ? x : copysign(size < 1.0 ? y : size == 1.0 ? INFINITY : NAN, x);
}

/* cg: cg_atanhf = atanhf */
/* The same in float. */
cg_function float cg_atanhf(float x)
{
    const float size = fabsf(x), d = 1.0f - size, lost = 1.0f - d - size;
    const float inverse = 1.0f / d, z = 2.0f * size * inverse;
    const float low = (fmaf(-z, d, 2.0f * size) - z * lost) * inverse;
    const float y = 0.5f * cg_log1p_sumf(z, low, 0.0f);
    const float inside = size < 1.0f ? y : size == 1.0f ? INFINITY : NAN;
    return size < 0x1p-13f ? x : copysignf(inside, x);
}
