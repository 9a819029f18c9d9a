/* Error functions; see cg_exp.h for what all elementary functions have in common.
 *
 * Method: erf(x) = x + x P(x^2) for |x| < 1, else 1 - erfc(|x|). For x >= 0
 *     erfc(x) = exp(-x^2) Q(t) / (x + k),  t = (x - k)/(x + k),
 * where Q is a polynomial (M. M. Shepherd, J. G. Laframboise, Chebyshev approximation of
 * (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity, Math. Comp. 36, 1981; with x + k in place of
 * 1 + 2x one division serves for both), and 1 - x - x P(x^2) for x < 3/4. x^2 is a sum of two
 * numbers. The polynomials are minimax fits of our own (Remez exchange in 140 bits). */
#pragma once
#include "cg_bits.h"
#include "cg_exp.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_erfcx_above */
/* exp(x^2) erfc(x) for 0 <= x <= 28, of which `lost` times as much is missing. The polynomial is
 * off by 2^-57. */
cg_inline double cg_erfcx_above(double size, double *lost)
{
    const double d = size + 4.0, inverse = 1.0 / d, t = (d - 8.0) * inverse, t2 = t * t;
    double even = fma(t2, 0x1.2163b9a02f8c6p-29, -0x1.3f98cbe7b9bf7p-26);
    double odd = fma(t2, 0x1.ca7d65ce00469p-32, -0x1.cb0b89e72679cp-31);
    even = fma(t2, even, 0x1.12ec5ec6f4072p-23), odd = fma(t2, odd, 0x1.ee8dc7f333403p-30);
    even = fma(t2, even, -0x1.c7c53b50d4647p-21), odd = fma(t2, odd, -0x1.4651e121e9c1ep-24);
    even = fma(t2, even, 0x1.3b1e81ca6a9dcp-18), odd = fma(t2, odd, 0x1.7e53e0205259dp-20);
    even = fma(t2, even, -0x1.e7f3d817709b5p-19), odd = fma(t2, odd, -0x1.3c6ed57c28018p-16);
    even = fma(t2, even, -0x1.dd2841b46b7dbp-12), odd = fma(t2, odd, 0x1.72cda73e76594p-13);
    even = fma(t2, even, 0x1.908f471e80bfdp-8), odd = fma(t2, odd, -0x1.269b5210cbab3p-12);
    even = fma(t2, even, 0x1.38dbd2c8e7d0bp-4), odd = fma(t2, odd, -0x1.b00c052c3f277p-6);
    even = fma(t2, even, 0x1.52cac2371009dp-2), odd = fma(t2, odd, -0x1.645fd8a4bc00fp-3);
    even = fma(t2, even, 0x1.8be202d26c707p-1), odd = fma(t2, odd, -0x1.14eacb1ad033dp-1);
    const double slope = fma(t, fma(t, odd, even), -0x1.f3fe31ecb49bfp-1);
    const double q = fma(t, slope, 0x1.18932bf08e154p+0) * inverse;
    /* what the roundings of d, 1/d and t took, with Q'/Q taken to be -1 */
    const double d_low = size - (d - 4.0), t_low = fma(-t, d, d - 8.0);
    *lost = fma(-inverse, d, 1.0) - inverse * fma(d_low, fma(8.0, inverse, 1.0), t_low);
    return q;
}

/* cg: cg_erfc_above */
/* erfc(x) for x >= 0. The polynomial of the exponential is off by 2^-61. */
cg_inline double cg_erfc_above(double x)
{
    const double size = x > 28.0 ? 28.0 : x, square = size * size;
    const double shifted = fma(square, -0x1.71547652b82fep+0, 0x1.8p52);
    const double n = shifted - 0x1.8p52;
    const double near = fma(n, -0x1.62e42fefa38p-1, -square);
    const double r = fma(n, -0x1.ef35793c7673p-45, near) - fma(size, size, -square);
    const double r2 = r * r;
    double e = fma(r2, 0x1.28adf76ec5089p-22, 0x1.a0199985a9ec9p-16);
    double f = fma(r2, 0x1.ad68918877501p-26, 0x1.71df33768a08fp-19);
    e = fma(r2, e, 0x1.6c16c18457d24p-10), f = fma(r2, f, 0x1.a01a01242bc0cp-13);
    e = fma(r2, e, 0x1.55555555507c3p-5), f = fma(r2, f, 0x1.1111111128d8dp-7);
    e = fma(r2, e, 0x1.000000000000ap-1), f = fma(r2, f, 0x1.55555555554f6p-3);
    const double power = fma(r2, fma(r, f, e), r);
    double lost;
    const double q = cg_erfcx_above(size, &lost);
    return cg_scale(fma(q, power + lost, q), shifted);
}

/* cg: cg_erf_tail */
/* erf(x)/x - 1 from z = x^2 <= 1, off by 2^-62 of erf(x)/x. */
cg_inline double cg_erf_tail(double z)
{
    const double z2 = z * z;
    double even = fma(z2, 0x1.055b08aba60b7p-34, 0x1.f7a0924f76578p-27);
    double odd = fma(z2, -0x1.385fad464e6a4p-30, -0x1.5f1ce5940ef7bp-23);
    even = fma(z2, even, 0x1.b9dee84d3b4f3p-20), odd = fma(z2, odd, -0x1.f4d1de84dd466p-17);
    even = fma(z2, even, 0x1.f9a3219806d2cp-14), odd = fma(z2, odd, -0x1.c02db3d8a0206p-11);
    even = fma(z2, even, 0x1.565bcd0dae918p-8), odd = fma(z2, odd, -0x1.b82ce312848fap-6);
    even = fma(z2, even, 0x1.ce2f21a042b1ep-4), odd = fma(z2, odd, -0x1.812746b0379e6p-2);
    even = fma(z2, even, 0x1.06eba8214db69p-3);
    return fma(z, odd, even);
}

/* cg: cg_erf = erf */
cg_function double cg_erf(double x)
{
    const double size = fabs(x), small = fma(x, cg_erf_tail(x * x), x);
    return size < 1.0 ? small : copysign(1.0 - cg_erfc_above(size), x);
}

/* cg: cg_erfc = erfc */
cg_function double cg_erfc(double x)
{
    const double size = fabs(x), above = cg_erfc_above(size);
    const double high = 1.0 - x, low = (1.0 - high) - x;
    const double small = high + fma(-x, cg_erf_tail(x * x), low);
    return size < 0.75 ? small : x < 0 ? 2.0 - above : above;
}

/* cg: cg_erfc_abovef */
/* erfc(x) for x >= 0, in double. The polynomials are off by 2^-34. */
cg_inline double cg_erfc_abovef(double x)
{
    const double size = x > 11.0 ? 11.0 : x, square = size * size;
    const double shifted = fma(square, -0x1.71547652b82fep+0, 0x1.8p52);
    const double r = fma(shifted - 0x1.8p52, -0x1.62e42fefa39efp-1, -square);
    double e = fma(r, 0x1.6a0f8cb00164dp-10, 0x1.123abbdcd9f05p-7);
    e = fma(r, e, 0x1.55590acac70d6p-5);
    e = fma(r, e, 0x1.5554903494f9ap-3);
    e = fma(r, e, 0x1.fffffb8029e18p-2);
    const double power = 1.0 + fma(r * r, e, r);
    const double inverse = 1.0 / (size + 3.0), t = (size - 3.0) * inverse, t2 = t * t;
    double even = fma(t2, 0x1.93f001b8a0349p-14, -0x1.1e49cb6d39b72p-11);
    double odd = fma(t2, 0x1.4d7382cd36038p-15, -0x1.2d36045b8281ap-12);
    even = fma(t2, even, -0x1.3dd82ea3f3995p-10), odd = fma(t2, odd, 0x1.8e2b07eeaa6aap-9);
    even = fma(t2, even, 0x1.e995ec33562dcp-4), odd = fma(t2, odd, -0x1.b78c028679d87p-6);
    even = fma(t2, even, 0x1.2e32694dfdf10p-1), odd = fma(t2, odd, -0x1.3deb1eb4d3372p-2);
    even = fma(t2, even, 0x1.12f21ddd9bcc3p+0), odd = fma(t2, odd, -0x1.c44c4721cbee6p-1);
    const double scale = cg_from_bits((cg_bits(shifted) << 52) + cg_bits(1.0));
    return power * fma(t, odd, even) * inverse * scale;
}

/* cg: cg_erff = erff */
cg_function float cg_erff(float x)
{
    const double size = fabs((double)x), z = size * size;
    double p = fma(z, -0x1.4360396aef800p-17, 0x1.d817e291807fbp-14);
    p = fma(z, p, -0x1.bcbc3f3ea458dp-11);
    p = fma(z, p, 0x1.5628be2a1bdacp-8);
    p = fma(z, p, -0x1.b829a3c926941p-6);
    p = fma(z, p, 0x1.ce2f0772db0c7p-4);
    p = fma(z, p, -0x1.8127465f2f92cp-2);
    p = fma(z, p, 0x1.06eba8200166ep-3);
    return copysignf((float)(size < 1.0 ? fma(size, p, size) : 1.0 - cg_erfc_abovef(size)), x);
}

/* cg: cg_erfcf = erfcf */
cg_function float cg_erfcf(float x)
{
    const double above = cg_erfc_abovef(fabs((double)x));
    return (float)(x < 0 ? 2.0 - above : above);
}
