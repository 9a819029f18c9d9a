/* Powers; see cg_exp.h for what all elementary functions have in common. */
#pragma once
#include "cg_exp.h"
#include "cg_log.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_pow_ends */
/* The power of x, from that of |x|: C11 F.10.4.4. */
cg_inline double cg_pow_ends(double x, double y, double power)
{
    const bool whole = y == trunc(y), odd = whole & (0.5 * y != trunc(0.5 * y));
    const double size = y == 0 || fabs(x) == 1 ? 1.0 : power;
    return ((x < 0) & (x > -INFINITY) & !whole) ? NAN : odd ? copysign(size, x) : size;
}

/* cg: cg_log_of_pow */
/* log(1 + r) + k ln 2 as a sum of two numbers, 64 bits of it: 2 atanh(s) with s = r / (2 + r),
 * whose first two terms are such sums too (T. J. Dekker, Numerische Mathematik 18, 1971). */
cg_inline double cg_log_of_pow(double r, double k, double *low)
{
    const double d = 2.0 + r, d_low = 2.0 - d + r, inverse = 1.0 / d;
    const double s = r * inverse, s_low = (fma(-s, d, r) - s * d_low) * inverse;
    const double z = s * s, z_low = fma(2.0 * s, s_low, fma(s, s, -z)), z2 = z * z;
    const double q0 = fma(z, 0x1.2492492493034p-3, 0x1.9999999999996p-3);
    const double q1 = fma(z, 0x1.745d183243cd9p-4, 0x1.c71c71c580875p-4);
    const double q2 = fma(z, 0x1.1120b50429f59p-4, 0x1.3b1362ba134b1p-4);
    const double q3 = fma(z, 0x1.eb104bebe1dacp-5, 0x1.de3389fb0dd67p-5);
    const double q = z * fma(z2, fma(z2, fma(z2, q3, q2), q1), q0);
    const double c = 0x1.5555555555555p-2 + q;
    const double c_low = 0x1.5555555555555p-2 - c + q + 0x1.5555555555555p-56;
    const double v = z * c, v_low = fma(z, c, -v) + fma(z, c_low, z_low * c);
    const double g = s * v, g_low = fma(s, v, -g) + fma(s, v_low, s_low * v);
    const double turns = k * 0x1.62e42fefa38p-1, first = turns + 2.0 * s, sum = first + 2.0 * g;
    const double lost = turns - first + 2.0 * s + (first - sum + 2.0 * g);
    const double rest = fma(2.0, s_low + g_low, fma(k, 0x1.ef35793c7673p-45, lost));
    const double high = sum + rest;
    *low = sum - high + rest;
    return high;
}

/* cg: cg_pow = pow */
/* x^y = e^(y log |x|) with the sign of x where y is odd. */
cg_function double cg_pow(double x, double y)
{
    const double size = fabs(x);
    double k, log_low;
    const double r = cg_log_parts(size, &k), log_found = cg_log_of_pow(r, k, &log_low);
    const double log = size == 0 ? -INFINITY : size < INFINITY ? log_found : size;
    const double t = y * log, t_rest = fma(y, log, -t) + y * log_low;
    const double t_low = fabs(t) < 1000.0 ? t_rest : 0.0;
    const double most = t > 1000.0 ? 1000.0 : t, bounded = most < -1000.0 ? -1000.0 : most;
    const double shifted = fma(bounded, 0x1.71547652b82fep+0, 0x1.8p52);
    const double n = shifted - 0x1.8p52;
    const double first = fma(n, -0x1.62e42fefa38p-1, bounded);
    const double near = fma(n, -0x1.ef35793c7673p-45, first);
    const double left = fma(n, -0x1.ef35793c7673p-45, first - near) + t_low;
    const double e = near + left, e_low = near - e + left;
    const double power = cg_scale(1.0 + (e + fma(e * e, cg_expm1_of(e), e_low)), shifted);
    return cg_pow_ends(x, y, power);
}

/* cg: cg_powf = powf */
/* In double precision; rounded once. */
cg_function float cg_powf(float x, float y)
{
    const double power = cg_exp((double)y * cg_log(fabs((double)x)));
    return (float)cg_pow_ends((double)x, (double)y, power);
}
