/* Exponentials, logarithms, powers, roots and trigonometric functions of complex numbers.
 *
 * Infinities and nan come out as annex G of C says, signs of zeros that it leaves open apart.
 * Those of cg_complex64 are computed in double and rounded once.
 */
#pragma once
#include "cg_arc.h"
#include "cg_complex.h"
#include "cg_exp.h"
#include "cg_hyperbolic.h"
#include "cg_log.h"
#include "cg_trig.h"

/* cg: cg_cexp */
/* exp(x) alone overflows before its products with cos(y) and sin(y) do: it is taken in two. */
static inline cg_complex128 cg_cexp(cg_complex128 z)
{
    const bool far = z.re > 709.0, angle = isfinite(z.im) != 0;
    const double e = cg_exp(far ? z.re - 709.0 : z.re);
    const double scale = far ? 0x1.d422d2be5dc9bp+1022 : 1.0; /* exp(709) */
    const double re = e * (cg_cos(z.im) * scale), im = e * (cg_sin(z.im) * scale);
    const bool none = !angle & (z.re == -INFINITY), all = !angle & (z.re == INFINITY);
    return cg_complex(none ? 0.0 : all ? INFINITY : re, z.im == 0 ? z.im : none ? 0.0 : im);
}

/* cg: cg_cexpf */
static inline cg_complex64 cg_cexpf(cg_complex64 z) { return cg_cnarrow(cg_cexp(cg_cwiden(z))); }

/* cg: cg_log_length */
/* log |z|.  Near |z| = 1 from x^2 + y^2 - 1 with the remainders of the squares, elsewhere from
 * |z| = hypot(x, y), scaled so that it neither overflows nor loses digits where it is tiny. */
static inline double cg_log_length(cg_complex128 z)
{
    const double up = fabs(z.im), along = fabs(z.re);
    const double big = up > along ? up : along, small = up > along ? along : up;
    const double a = big * big, b = small * small;
    const double rest = fma(big, big, -a) + fma(small, small, -b);
    const double above = a - 1.0, sum = above + b, lost = (above - sum) + b;
    const bool near_one = (sum > -0.5) & (sum < 1.0);
    const double scale = big > 0x1p1000 ? 0x1p-2 : big < 0x1p-1000 ? 0x1p100 : 1.0;
    const double back = big > 0x1p1000 ? 2.0 : big < 0x1p-1000 ? -100.0 : 0.0;
    const double length = cg_log(cg_hypot(z.re * scale, z.im * scale));
    return near_one ? 0.5 * cg_log1p(sum + (lost + rest)) : length + back * 0x1.62e42fefa39efp-1;
}

/* cg: cg_clog */
static inline cg_complex128 cg_clog(cg_complex128 z)
{
    return cg_complex(cg_log_length(z), cg_atan2(z.im, z.re));
}

/* cg: cg_clogf */
static inline cg_complex64 cg_clogf(cg_complex64 z) { return cg_cnarrow(cg_clog(cg_cwiden(z))); }

/* cg: cg_csqrt */
/* The root with a real part that is not negative, on either side of the cut by the sign of the
 * imaginary part (P. Friedland, Algorithm 312, Communications of the ACM 10, 1967). */
static inline cg_complex128 cg_csqrt(cg_complex128 z)
{
    const double big = fmax(fabs(z.re), fabs(z.im));
    const bool huge = big > 0x1p1000, tiny = big < 0x1p-900;
    const double scale = huge ? 0x1p-4 : tiny ? 0x1p200 : 1.0;
    const double back = huge ? 0x1p2 : tiny ? 0x1p-100 : 1.0;
    const double x = z.re * scale, y = z.im * scale;
    const double root = sqrt(0.5 * (fabs(x) + cg_hypot(x, y)));
    const double other = root == 0 ? 0.0 : 0.5 * y / root;
    const bool left = z.re < 0;
    double re = (left ? fabs(other) : root) * back;
    double im = (left ? copysign(root, z.im) : other) * back;
    if (isinf(z.im)) {
        re = INFINITY;
        im = z.im;
    } else if (isinf(z.re)) {
        const double rest = z.im - z.im; /* nan of nan */
        re = left ? fabs(rest) : INFINITY;
        im = left ? copysign(INFINITY, z.im) : copysign(rest, z.im);
    } else if ((z.im == 0) & (z.re == z.re)) {
        im = left ? im : z.im;
    }
    return cg_complex(re, im);
}

/* cg: cg_csqrtf */
static inline cg_complex64 cg_csqrtf(cg_complex64 z) { return cg_cnarrow(cg_csqrt(cg_cwiden(z))); }

/* cg: cg_csinh_ccosh */
/* sinh (or cosh) of z: sinh(x) cos(y) + i cosh(x) sin(y), or with sinh and cosh exchanged. */
static inline cg_complex128 cg_csinh_ccosh(cg_complex128 z, bool cosine)
{
    const double x = z.re, y = z.im, size = fabs(x);
    const bool far = size > 700.0, angle = isfinite(y) != 0;
    const double e = cg_exp(size - 700.0) * 0.5;
    const double s = far ? copysign(e, x) : cg_sinh(x), c = far ? e : cg_cosh(x);
    const double scale = far ? 0x1.d945df4f8ec8ep+1009 : 1.0; /* exp(700) */
    double re = (cosine ? c : s) * (cg_cos(y) * scale);
    double im = (cosine ? s : c) * (cg_sin(y) * scale);
    if (y == 0)
        im = cosine ? (x != x ? y : copysign(y, copysign(1.0, x) * copysign(1.0, y))) : y;
    if (!angle & (x == 0)) {
        re = cosine ? re : x;
        im = cosine ? 0.0 : im;
    }
    if (!angle & (size == INFINITY)) re = cosine ? INFINITY : x;
    return cg_complex(re, im);
}

/* cg: cg_csinh */
static inline cg_complex128 cg_csinh(cg_complex128 z) { return cg_csinh_ccosh(z, false); }

/* cg: cg_csinhf */
static inline cg_complex64 cg_csinhf(cg_complex64 z) { return cg_cnarrow(cg_csinh(cg_cwiden(z))); }

/* cg: cg_ccosh */
static inline cg_complex128 cg_ccosh(cg_complex128 z) { return cg_csinh_ccosh(z, true); }

/* cg: cg_ccoshf */
static inline cg_complex64 cg_ccoshf(cg_complex64 z) { return cg_cnarrow(cg_ccosh(cg_cwiden(z))); }

/* cg: cg_ctanh */
/* W. Kahan, Branch cuts for complex elementary functions, in: The State of the Art in Numerical
 * Analysis, 1987. */
static inline cg_complex128 cg_ctanh(cg_complex128 z)
{
    const double x = z.re, y = z.im;
    if (!isfinite(x)) {
        if (x != x) return cg_complex(x, y == 0 ? y : x * y);
        return cg_complex(copysign(1.0, x), isfinite(y) ? copysign(0.0, sin(y) * cos(y)) : 0.0);
    }
    if (!isfinite(y)) return cg_complex(x == 0 ? x : y - y, y - y);
    if (fabs(x) >= 22) {
        const double e = cg_exp(-fabs(x));
        return cg_complex(copysign(1.0, x), 4 * cg_sin(y) * cg_cos(y) * e * e);
    }
    const double t = cg_tan(y), s = cg_sinh(x), beta = 1 + t * t, rho = sqrt(1 + s * s);
    const double scale = 1 + beta * s * s;
    return cg_complex(beta * rho * s / scale, t / scale);
}

/* cg: cg_ctanhf */
static inline cg_complex64 cg_ctanhf(cg_complex64 z) { return cg_cnarrow(cg_ctanh(cg_cwiden(z))); }

/* cg: cg_csin */
/* sin z = -i sinh(iz), cos z = cosh(iz), tan z = -i tanh(iz) */
static inline cg_complex128 cg_csin(cg_complex128 z)
{
    const cg_complex128 turned = cg_csinh(cg_complex(-z.im, z.re));
    return cg_complex(turned.im, -turned.re);
}

/* cg: cg_csinf */
static inline cg_complex64 cg_csinf(cg_complex64 z) { return cg_cnarrow(cg_csin(cg_cwiden(z))); }

/* cg: cg_ccos */
static inline cg_complex128 cg_ccos(cg_complex128 z) { return cg_ccosh(cg_complex(-z.im, z.re)); }

/* cg: cg_ccosf */
static inline cg_complex64 cg_ccosf(cg_complex64 z) { return cg_cnarrow(cg_ccos(cg_cwiden(z))); }

/* cg: cg_ctan */
static inline cg_complex128 cg_ctan(cg_complex128 z)
{
    const cg_complex128 turned = cg_ctanh(cg_complex(-z.im, z.re));
    return cg_complex(turned.im, -turned.re);
}

/* cg: cg_ctanf */
static inline cg_complex64 cg_ctanf(cg_complex64 z) { return cg_cnarrow(cg_ctan(cg_cwiden(z))); }

/* cg: cg_cpow */
/* Whole exponents below 100 by products, as NumPy; exp(b log(a)) for others. */
static inline cg_complex128 cg_cpow(cg_complex128 a, cg_complex128 b)
{
    if ((b.re == 0) & (b.im == 0)) return cg_complex(1.0, 0.0);
    if ((a.re == 0) & (a.im == 0)) {
        const double value = b.re > 0 ? 0.0 : (double)NAN;
        return cg_complex(value, value);
    }
    if ((b.im == 0) & (fabs(b.re) < 100) && b.re == trunc(b.re)) {
        int left = (int)fabs(b.re);
        cg_complex128 power = a, found = left % 2 ? a : cg_complex(1.0, 0.0);
        for (left /= 2; left > 0; left /= 2) {
            power = cg_cmul(power, power);
            if (left % 2) found = cg_cmul(found, power);
        }
        return b.re < 0 ? cg_cdiv(cg_complex(1.0, 0.0), found) : found;
    }
    return cg_cexp(cg_cmul(b, cg_clog(a)));
}

/* cg: cg_cpowf */
static inline cg_complex64 cg_cpowf(cg_complex64 a, cg_complex64 b)
{
    return cg_cnarrow(cg_cpow(cg_cwiden(a), cg_cwiden(b)));
}
