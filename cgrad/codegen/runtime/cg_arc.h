/* Inverse trigonometric functions and the length of a vector; see cg_exp.h for what all elementary
 * functions have in common.
 *
 * arcsin, arccos: a polynomial in x^2 for |x| <= 1/2, else arcsin(x) = pi/2 - 2 arcsin(z) with
 * z^2 = (1 - x)/2 as in fdlibm, with what the rounded square root lacks.
 * arctan: the angle of (b, a), 0 <= a <= b, is pi/4 and that of (b + a, a - b) if a/b > tan(pi/8),
 * as in Cephes (S. L. Moshier, Methods and Programs for Mathematical Functions, 1989). Then |a/b|
 * is at most tan(pi/8); the quotient has its remainder, and a polynomial in its square the angle.
 * The polynomials are minimax fits of our own (Remez exchange in 160 bits). Those for float are
 * computed in double, so that only the last rounding counts. */
#pragma once
#include "cg_bits.h"
#include "cg_twofold.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_asin_tail */
/* (arcsin(x) - x)/x^3 from z = x^2 <= 1/4, off by 2^-59 of arcsin(x). */
cg_inline double cg_asin_tail(double z)
{
    const double z2 = z * z;
    double even = fma(z2, 0x1.0b8059a67c44dp-5, 0x1.6419d5db18029p-6);
    double odd = fma(z2, -0x1.58b251af2d1b4p-6, 0x1.e4610bd9a06e2p-9);
    even = fma(z2, even, 0x1.6156d00317696p-7), odd = fma(z2, odd, 0x1.7580f0a05d7c1p-7);
    even = fma(z2, even, 0x1.ca201aa95fec4p-7), odd = fma(z2, odd, 0x1.1c49ea92d671fp-6);
    even = fma(z2, even, 0x1.6e8bdf3187b61p-6), odd = fma(z2, odd, 0x1.f1c71a9217e7ap-6);
    even = fma(z2, even, 0x1.6db6db721a052p-5), odd = fma(z2, odd, 0x1.333333332e08ap-4);
    even = fma(z2, even, 0x1.5555555555577p-3);
    return fma(z, odd, even);
}

/* cg: cg_asin_parts */
/* arcsin(a) for 0 <= a <= 1/2, else 2 arcsin(sqrt((1 - a)/2)), which is pi/2 - arcsin(a). */
cg_inline cg_twofold cg_asin_parts(double a)
{
    const bool small = a <= 0.5;
    const double z = small ? a * a : fma(-0.5, a, 0.5), root = sqrt(z);
    const double lacks = fma(-root, root, z) / (root == 0 ? 1.0 : root);
    const double high = small ? a : 2 * root;
    return (cg_twofold){high, fma(high * z, cg_asin_tail(z), small ? 0.0 : lacks)};
}

/* cg: cg_asin = asin */
/* nan outside [-1, 1]. */
cg_function double cg_asin(double x)
{
    const double a = fabs(x);
    const bool small = a <= 0.5;
    const cg_twofold p = cg_asin_parts(a);
    const double start = small ? 0.0 : 0x1.921fb54442d18p+0;
    const cg_twofold sum = cg_add_small(start, small ? p.high : -p.high);
    const double low = small ? p.low : 0x1.1a62633145c07p-54 - p.low;
    return copysign(sum.high + (sum.low + low), x);
}

/* cg: cg_acos = acos */
/* nan outside [-1, 1]. */
cg_function double cg_acos(double x)
{
    const bool small = fabs(x) <= 0.5;
    const cg_twofold p = cg_asin_parts(fabs(x));
    const double quarters = small ? 1.0 : x < 0 ? 2.0 : 0.0;
    const double sign = (small ? 1.0 : -1.0) * (x < 0 ? 1.0 : -1.0);
    const cg_twofold sum = cg_add_small(quarters * 0x1.921fb54442d18p+0, sign * p.high);
    const double low = fma(quarters, 0x1.1a62633145c07p-54, sign * p.low);
    return sum.high + (sum.low + low);
}

/* cg: cg_atan_tail */
/* (arctan(t) - t)/t^3 from z = t^2 for |t| <= tan(pi/8), off by 2^-59 of arctan(t). */
cg_inline double cg_atan_tail(double z)
{
    const double z2 = z * z;
    double even = fma(z2, -0x1.2554ece55ed8bp-6, -0x1.9cce674f8cc6bp-5);
    double odd = fma(z2, 0x1.37cb4ae3dab92p-5, 0x1.df0e437c1c48ep-5);
    even = fma(z2, even, -0x1.10eba4b73d242p-4), odd = fma(z2, odd, 0x1.3b11173c199f4p-4);
    even = fma(z2, even, -0x1.745cf8be9b8c2p-4), odd = fma(z2, odd, 0x1.c71c70e4e4bcep-4);
    even = fma(z2, even, -0x1.24924922a9e88p-3), odd = fma(z2, odd, 0x1.99999999957bep-3);
    even = fma(z2, even, -0x1.555555555553dp-2);
    return fma(z, odd, even);
}

/* cg: cg_atan_parts */
/* eighths pi/4 + sign arctan(a/b) for 0 <= a <= b, b > 0 finite; `sign` is 1 or -1. */
cg_inline double cg_atan_parts(double a, double b, double eighths, double sign)
{
    const bool steep = a > 0x1.a827999fcef32p-2 * b;
    const double n = steep ? a - b : a, n_low = steep ? a - (n + b) : 0.0;
    const double d = steep ? a + b : b, d_low = steep ? a - (d - b) : 0.0;
    const double inverse = 1.0 / d, t = n * inverse;
    const double rest = (fma(-t, d, n) + fma(-t, d_low, n_low)) * inverse;
    const double tail = fma(t * t * t, cg_atan_tail(t * t), rest);
    const double k = eighths + (steep ? sign : 0.0);
    const cg_twofold sum = cg_add_small(k * 0x1.921fb54442d18p-1, sign * t);
    return sum.high + (sum.low + fma(k, 0x1.1a62633145c07p-55, sign * tail));
}

/* cg: cg_atan = atan */
cg_function double cg_atan(double x)
{
    const double size = fabs(x) > 0x1p60 ? 0x1p60 : fabs(x);
    const bool above = size > 1.0;
    const double a = above ? 1.0 : size, b = above ? size : 1.0;
    return copysign(cg_atan_parts(a, b, above ? 2.0 : 0.0, above ? -1.0 : 1.0), x);
}

/* cg: cg_atan2 = atan2 */
/* The angle of the point (x, y); signs of zeros and infinities as in C. */
cg_function double cg_atan2(double y, double x)
{
    const double up = fabs(y), along = fabs(x);
    const bool above = up > along, left = copysign(1.0, x) < 0;
    const double big = above ? up : along, small = above ? along : up;
    const double scale = big > 0x1p500 ? 0x1p-500 : big < 0x1p-400 ? 0x1p500 : 1.0;
    /* products, as gcc 12 does not vectorise a choice between comparisons that it makes of a
     * comparison with a choice */
    const double to = big * scale, from = small * scale;
    const double b = to == INFINITY || to == 0 ? 1.0 : to;
    const double a = to == INFINITY ? (from == INFINITY ? 1.0 : from * 0.0) : from;
    const double sign = (above ? -1.0 : 1.0) * (left ? -1.0 : 1.0);
    return copysign(cg_atan_parts(a, b, above ? 2.0 : left ? 4.0 : 0.0, sign), y);
}

/* cg: cg_hypot = hypot */
/* sqrt(x^2 + y^2) without overflow; infinite if one of them is. The square has its remainder, and
 * the root is corrected by one step of Newton's (C. F. Borges, An improved algorithm for
 * hypot(a, b), ACM Trans. Math. Software 47, 2020). */
cg_function double cg_hypot(double x, double y)
{
    const double up = fabs(y), along = fabs(x);
    const bool above = up > along;
    const double size = above ? up : along, other = above ? along : up;
    const double scale = size > 0x1p500 ? 0x1p-600 : size < 0x1p-400 ? 0x1p600 : 1.0;
    const double back = size > 0x1p500 ? 0x1p600 : size < 0x1p-400 ? 0x1p-600 : 1.0;
    const double a = size * scale, b = other * scale, b2 = b * b;
    const double square = fma(a, a, b2), low = fma(a, a, -square) + b2 + fma(b, b, -b2);
    const double root = sqrt(square);
    const double half = 0.5 / (root == 0 ? 1.0 : root);
    const double length = fma(fma(-root, root, square) + low, half, root) * back;
    return up == INFINITY || along == INFINITY ? INFINITY : length;
}

/* cg: cg_asin_partf */
/* arcsin(a) for 0 <= a <= 1/2, else pi/2 - arcsin(a), in double. The polynomial is off by 2^-31. */
cg_inline double cg_asin_partf(double a)
{
    const bool small = a <= 0.5;
    const double z = small ? a * a : 0.5 - 0.5 * a, x = small ? a : 2 * sqrt(z), z2 = z * z;
    double even = fma(z2, 0x1.d8d63d123411cp-7, 0x1.6cae4dc5a0b60p-5);
    double odd = fma(z2, 0x1.3370d375bfa83p-5, 0x1.049638cc8ae76p-5);
    even = fma(z2, even, 0x1.55554c594b76ap-3), odd = fma(z2, odd, 0x1.33387fd3b1ccfp-4);
    return fma(x * z, fma(z, odd, even), x);
}

/* cg: cg_asinf = asinf */
/* nan outside [-1, 1]. */
cg_function float cg_asinf(float x)
{
    const double a = fabs((double)x), y = cg_asin_partf(a);
    return copysignf((float)(a <= 0.5 ? y : 0x1.921fb54442d18p+0 - y), x);
}

/* cg: cg_acosf = acosf */
/* nan outside [-1, 1]. */
cg_function float cg_acosf(float x)
{
    const bool small = fabsf(x) <= 0.5f;
    const double y = cg_asin_partf(fabs((double)x));
    const double start = small ? 0x1.921fb54442d18p+0 : x < 0 ? 0x1.921fb54442d18p+1 : 0.0;
    const double sign = (small ? 1.0 : -1.0) * (x < 0 ? 1.0 : -1.0);
    return (float)(start + sign * y);
}

/* cg: cg_atan_partf */
/* start + sign arctan(a/b) for 0 <= a <= b, b > 0 finite, in double; `sign` is 1 or -1. The
 * polynomial is off by 2^-35. */
cg_inline double cg_atan_partf(double a, double b, double start, double sign)
{
    const bool steep = a > 0x1.a827999fcef32p-2 * b;
    const double t = (steep ? a - b : a) / (steep ? a + b : b), z = t * t, z2 = z * z;
    double even = fma(z2, -0x1.5b2f135852184p-4, -0x1.247ed88a6e674p-3);
    double odd = fma(z2, 0x1.849d671241495p-5, 0x1.c463ce1f01ec5p-4);
    even = fma(z2, even, -0x1.555554c5efdb3p-2), odd = fma(z2, odd, 0x1.999918916e18cp-3);
    const double angle = fma(t * z, fma(z, odd, even), t) + (steep ? 0x1.921fb54442d18p-1 : 0.0);
    return fma(sign, angle, start);
}

/* cg: cg_atanf = atanf */
cg_function float cg_atanf(float x)
{
    const double size = fabsf(x) > 0x1p60f ? 0x1p60 : fabs((double)x);
    const bool above = size > 1.0;
    const double a = above ? 1.0 : size, b = above ? size : 1.0;
    const double start = above ? 0x1.921fb54442d18p+0 : 0.0, sign = above ? -1.0 : 1.0;
    return copysignf((float)cg_atan_partf(a, b, start, sign), x);
}

/* cg: cg_atan2f = atan2f */
/* The angle of the point (x, y); signs of zeros and infinities as in C. */
cg_function float cg_atan2f(float y, float x)
{
    const double up = fabs((double)y), along = fabs((double)x);
    const bool above = up > along, left = copysignf(1.0f, x) < 0;
    const double sum = up + along, gap = up - along;
    const bool infinite = sum == INFINITY;
    const double b = infinite || sum == 0 ? 1.0 : above ? up : along;
    const double a = infinite ? (isnan(gap) ? 1.0 : 0.0) : above ? along : up;
    const double start = above ? 0x1.921fb54442d18p+0 : left ? 0x1.921fb54442d18p+1 : 0.0;
    const double sign = (above ? -1.0 : 1.0) * (left ? -1.0 : 1.0);
    return copysignf((float)cg_atan_partf(a, b, start, sign), y);
}

/* cg: cg_hypotf = hypotf */
/* sqrt(x^2 + y^2) without overflow; infinite if one of them is. */
cg_function float cg_hypotf(float x, float y)
{
    const double a = (double)x, b = (double)y;
    const bool infinite = fabsf(x) == INFINITY || fabsf(y) == INFINITY;
    return infinite ? INFINITY : (float)sqrt(fma(a, a, b * b));
}
