/* Gamma, its logarithm and the polygamma functions: scalar code, for one number at a time.
 *
 * Method: near 2 a polynomial, a Chebyshev interpolation of our own in 200 bits; up to 10 the
 * recurrence (DLMF 5.5.1, 5.5.2); above Stirling's series (DLMF 5.11.1, 5.11.2); below 0 reflection
 * (DLMF 5.5.3, 5.5.4). The polygamma functions are Hurwitz zeta functions (DLMF 25.11.12), summed
 * by Euler and Maclaurin's formula (DLMF 2.10.1). float32 is computed in double and rounded once.
 * No function of libm is called: its lgamma writes a global variable. */
#pragma once
#include "cg_exp.h"
#include "cg_log.h"
#include "cg_pow.h"
#include "cg_trig.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_polynomial */
/* c[0] + c[1] x + ... + c[n - 1] x^(n - 1). */
static inline double cg_polynomial(const double *c, int n, double x)
{
    double y = c[n - 1];
    for (int k = n - 2; k >= 0; --k)
        y = fma(x, y, c[k]);
    return y;
}

/* cg: cg_sin_pi */
/* sin(pi x), exactly 0 at whole numbers. */
static inline double cg_sin_pi(double x)
{
    const double n = rint(x), y = cg_sin(0x1.921fb54442d18p+1 * (x - n));
    return 0.5 * n == rint(0.5 * n) ? y : -y;
}

/* cg: cg_stirling_terms */
/* B_2k / (2k (2k - 1)), from k = 1. */
static const double cg_stirling_terms[8] = {
    1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
    1.0 / 1188, -691.0 / 360360, 1.0 / 156,  -3617.0 / 122400,
};

/* cg: cg_stirling */
/* log gamma(x) - (x - 1/2) log x + x - log(2 pi)/2 for x >= 10. */
static inline double cg_stirling(double x)
{
    const double inverse = 1.0 / x;
    return inverse * cg_polynomial(cg_stirling_terms, 8, inverse * inverse);
}

/* cg: cg_gamma_near_two */
/* gamma(2 + z) for |z| <= 1/2, off by 2^-57. */
static const double cg_gamma_near_two[20] = {
    0x1p+0, 0x1.b0ee6072093cep-2, 0x1.a5b978b96bedp-2, 0x1.4e2399846508ap-4,
    0x1.301fbb0f23723p-4, -0x1.17f3740ec72ap-12, 0x1.6d7eeacd72a91p-7, -0x1.75e6e90ba3cefp-9,
    0x1.13c4485aa4efbp-9, -0x1.e21f19a7b3331p-11, 0x1.011b279719403p-11, -0x1.f94b1c3d6053ep-13,
    0x1.fe3e7148c5ff1p-14, -0x1.fddfed1c8199bp-15, 0x1.007e03354bf19p-15, -0x1.00a11030605acp-16,
    0x1.e4493add6e9ep-18, -0x1.e472c38c79d24p-19, 0x1.60719ffb53cb2p-19, -0x1.607cdc66fc45bp-20,
};

/* cg: cg_gamma_small */
/* gamma(x) for 0 < x < 10. */
static inline double cg_gamma_small(double x)
{
    double above = 1.0, below = 1.0, shift = 2.0;
    if (x < 0.5)
        below = 1.0 + x, shift = 0.0;
    else if (x < 1.5)
        below = x, shift = 1.0;
    const double last = x < 0.5 ? x : 1.0;
    for (; x > 2.5; above *= x)
        x -= 1.0;
    return above * cg_polynomial(cg_gamma_near_two, 20, x - shift) / below / last;
}

/* cg: cg_gamma_factors */
/* gamma(x) for 0 < x < 200 as a product of two numbers that do not overflow above 1. */
static inline double cg_gamma_factors(double x, double *second)
{
    if (x < 10.0) {
        *second = 1.0;
        return cg_gamma_small(x);
    }
    const double root = cg_pow(x, 0.5 * x - 0.25), scale = 0x1.40d931ff62706p+1;
    *second = root * cg_exp(-x);
    return root * (scale * cg_exp(cg_stirling(x)));
}

/* cg: cg_gamma */
/* The gamma function: infinite at zeros, nan at negative whole numbers and at -infinity. */
static inline double cg_gamma(double x)
{
    if (fabs(x) < 0x1p-54)
        return 1.0 / x;
    if (x > 0)
        x = x > 190.0 ? INFINITY : x;
    else if (!(x > -INFINITY) || x == rint(x))
        return NAN;
    if (x == INFINITY)
        return x;
    const double size = fabs(x), odd = cg_sin_pi(x);
    if (size > 190.0)
        return copysign(0.0, odd);
    double second;
    const double first = cg_gamma_factors(size, &second);
    return x > 0 ? first * second : -0x1.921fb54442d18p+1 / (size * -odd) / first / second;
}

/* cg: cg_gammaln_near_two */
/* log gamma(2 + z) / z for |z| <= 1/2, off by 2^-55. */
static const double cg_gammaln_near_two[20] = {
    0x1.b0ee6072093cep-2, 0x1.4a34cc4a60fa6p-2, -0x1.13e001a55760ap-4, 0x1.51322ac7d848ap-6,
    -0x1.e404fc218dbaep-8, 0x1.7add6eadb5317p-9, -0x1.38ac5c2d48207p-10, 0x1.0b36af8779cap-11,
    -0x1.d3fd4b679c1c4p-13, 0x1.a127afee53e7dp-14, -0x1.78de9ab752b81p-15, 0x1.580e0afa5585p-16,
    -0x1.3cb3be36ad88bp-17, 0x1.258f3057730fap-18, -0x1.1276ebd557fbp-19, 0x1.012012be3900ap-20,
    -0x1.ce17528bcf46p-22, 0x1.b40adb09a1e12p-23, -0x1.2009c1a550d0dp-23, 0x1.11fa5e7c86f7bp-24,
};

/* cg: cg_gammaln_above */
/* log gamma(2 + z) for |z| <= 1/2. */
static inline double cg_gammaln_above(double z)
{
    return z * cg_polynomial(cg_gammaln_near_two, 20, z);
}

/* cg: cg_gammaln_positive */
/* log gamma(x) for finite x > 0. */
static inline double cg_gammaln_positive(double x)
{
    if (x < 0.5)
        return cg_gammaln_above(x) - cg_log1p(x) - cg_log(x);
    if (x < 1.5)
        return cg_gammaln_above(x - 1.0) - cg_log1p(x - 1.0);
    if (x < 10.0) {
        double product = 1.0;
        for (; x > 2.5; product *= x)
            x -= 1.0;
        return cg_gammaln_above(x - 2.0) + cg_log(product);
    }
    const double log = cg_log(x), high = (x - 0.5) * (log - 1.0);
    return high + (cg_stirling(x < 1e100 ? x : 1e100) + 0x1.acfe390c97d69p-2);
}

/* cg: cg_gammaln */
/* log |gamma(x)|: infinite at 0, at negative whole numbers and at both infinities. */
static inline double cg_gammaln(double x)
{
    const double size = fabs(x);
    if (!(size < INFINITY) || (x <= 0 && x == rint(x)))
        return size + INFINITY;
    if (x > 0)
        return cg_gammaln_positive(x);
    if (size < 1e-17)
        return -cg_log(size);
    const double below = cg_gammaln_positive(size), sine = fabs(cg_sin_pi(size));
    return 0x1.250d048e7a1bdp+0 - cg_log(size * sine) - below;
}

/* cg: cg_digamma_middle */
/* digamma(x) / (x - x0) in powers of x - 3/2 for 1 <= x <= 2, x0 its zero; off by 2^-54. */
static const double cg_digamma_middle[24] = {
    0x1.e6f0cbb873616p-1, -0x1.b1cb63005ee96p-2, 0x1.eca189b8e6f7bp-3, -0x1.2feeeb98a7e14p-3,
    0x1.8512e59037f3fp-4, -0x1.fb4420299c39ep-5, 0x1.4de9aa17fed5cp-5, -0x1.b9f8b14eb372ep-6,
    0x1.256471573c163p-6, -0x1.8635595c2848p-7, 0x1.03c0b29031197p-7, -0x1.5a07ffdcf1525p-8,
    0x1.cd1f2dbc0dbedp-9, -0x1.335166d938f39p-9, 0x1.99e14548a2d9bp-10, -0x1.1138fd323dc0cp-10,
    0x1.69be71d89ad4p-11, -0x1.e24e3f4fdc1dcp-12, 0x1.56ae8897d5d3dp-12, -0x1.c8e71b670fd14p-13,
    0x1.80c273fb322c5p-14, -0x1.0081238b97022p-14, 0x1.0080971c5617fp-13, -0x1.5600aebc07538p-14,
};

/* cg: cg_digamma_terms */
/* -B_2k / 2k, from k = 1 (DLMF 5.11.2). */
static const double cg_digamma_terms[8] = {
    -1.0 / 12, 1.0 / 120,         -1.0 / 252, 1.0 / 240,
    -1.0 / 132, 691.0 / 32760, -1.0 / 12,  3617.0 / 8160,
};

/* cg: cg_digamma_positive */
/* digamma(x) for finite x > 0. */
static inline double cg_digamma_positive(double x)
{
    if (x >= 10.0) {
        const double inverse = 1.0 / x, square = inverse * inverse;
        const double series = square * cg_polynomial(cg_digamma_terms, 8, square);
        return cg_log(x) + (series - 0.5 * inverse);
    }
    double sum = 0.0;
    if (x < 1.0)
        sum = -1.0 / x, x += 1.0;
    for (; x > 2.0; sum += 1.0 / x)
        x -= 1.0;
    const double distance = x - 0x1.762d86356be3fp+0 - 0x1.b86a722197829p-54;
    return fma(distance, cg_polynomial(cg_digamma_middle, 24, x - 1.5), sum);
}

/* cg: cg_digamma */
/* The derivative of gammaln: -1/x near zeros, nan at negative whole numbers and at -infinity. */
static inline double cg_digamma(double x)
{
    if (fabs(x) < 1e-17)
        return -1.0 / x;
    if (x == INFINITY || x != x)
        return x;
    if (x > 0)
        return cg_digamma_positive(x);
    if (!(x > -INFINITY) || x == rint(x))
        return NAN;
    const double above = cg_digamma_positive(-x) - 1.0 / x;
    const double left = x - rint(x);
    return above - 0x1.921fb54442d18p+1 / cg_tan(0x1.921fb54442d18p+1 * left);
}

/* cg: cg_zeta_terms */
/* B_2k / (2k)!, from k = 1. */
static const double cg_zeta_terms[12] = {
    0x1.5555555555555p-4, -0x1.6c16c16c16c17p-10, 0x1.1566abc011567p-15,
    -0x1.bbd779334ef0bp-21, 0x1.66a8f2bf70ebep-26, -0x1.22805d644267fp-31,
    0x1.d6db2c4e09162p-37, -0x1.7da4e1f79955cp-42, 0x1.355871d652e9ep-47,
    -0x1.f57d968caacf1p-53, 0x1.967e1f09c376fp-58, -0x1.497d9033a2b5cp-63,
};

/* cg: cg_zeta_scaled */
/* Hurwitz's zeta(s, x) x^s, the sum of (x / (x + k))^s, for whole s >= 2 and finite x > 0. */
static inline double cg_zeta_scaled(double s, double x)
{
    double sum = 0.0, term = 1.0, at = x;
    for (; at < 10.0 + 0.5 * s; at += 1.0) {
        sum += term;
        if (term < 0x1p-60 * sum && at < s)
            return sum;
        const double next = x / (at + 1.0);
        term = s < 4.0 ? (s < 3.0 ? next * next : next * next * next) : cg_pow(next, s);
    }
    const double inverse = 1.0 / at, square = inverse * inverse;
    double rest = 0.0, factor = s * inverse;
    for (int k = 0; k < 12; ++k) {
        rest += factor * cg_zeta_terms[k];
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2) * square;
    }
    return sum + term * (at / (s - 1.0) + 0.5 + rest);
}

/* cg: cg_polygamma_positive */
/* n! zeta(n + 1, x), for whole n >= 1 and x > 0. */
static inline double cg_polygamma_positive(double n, double x)
{
    const double s = n + 1.0;
    if (x > 1e300) /* a rest of (n - 1)! x^-n */
        return n == 1.0 ? 1.0 / x : 0.0;
    if (n == 1.0)
        return cg_zeta_scaled(s, x) / x / x;
    double second = 1.0;
    if (n > 170.0) {
        const double size = cg_gammaln_positive(s) - s * cg_log(x);
        return cg_exp(size + cg_log(cg_zeta_scaled(s, x)));
    }
    const double first = cg_gamma_factors(s, &second), half = cg_pow(x, -0.5 * s);
    return half * first * cg_zeta_scaled(s, x) * (half * second);
}

/* cg: cg_polygamma */
/* The n-th derivative of digamma; infinite at 0 and negative whole numbers, nan for an n that is
 * not a whole number. Below 0 the terms are those from f = x - floor(x) upwards and the finite sum
 * from 1 - f to -x, a difference of two zeta functions of the size of its first term. */
static inline double cg_polygamma(double n, double x)
{
    if (n == 0)
        return cg_digamma(x);
    if (!(n > 0 && n < INFINITY && n == rint(n)) || x != x)
        return NAN;
    const bool even = 0.5 * n == rint(0.5 * n);
    const double sign = even ? -1.0 : 1.0;
    if (x == INFINITY)
        return sign * 0.0;
    if (x <= 0 && (x == rint(x) || x == -INFINITY))
        return sign * INFINITY;
    if (x > 0)
        return sign * cg_polygamma_positive(n, x);
    const double above = x - floor(x), below = ceil(x) - x;
    const double left = cg_polygamma_positive(n, below) - cg_polygamma_positive(n, 1.0 - x);
    return sign * (cg_polygamma_positive(n, above) + sign * left);
}
