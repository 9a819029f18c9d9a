/* Complex numbers: parts, arithmetic.  Names end in f for cg_complex64.
 *
 * Products and quotients are NumPy's: a product is (a + bi)(c + di) = (ac - bd) + (ad + bc)i as it
 * stands, a quotient is scaled by the larger part of the divisor (R. L. Smith, Algorithm 116,
 * Communications of the ACM 5, 1962).  So infinities and nan come out as they do there, not as in
 * annex G of C.
 */
#pragma once
#include "cg_math.h"

/* cg: cg_complex128 */
/* Real and imaginary part; arrays of these lie in memory as those of C's double complex. */
typedef struct {
    double re, im;
} cg_complex128;

/* cg: cg_complex64 */
typedef struct {
    float re, im;
} cg_complex64;

/* cg: cg_complex */
static inline cg_complex128 cg_complex(double re, double im)
{
    const cg_complex128 z = {re, im};
    return z;
}

/* cg: cg_complexf */
static inline cg_complex64 cg_complexf(float re, float im)
{
    const cg_complex64 z = {re, im};
    return z;
}

/* cg: cg_real */
static inline double cg_real(cg_complex128 z) { return z.re; }

/* cg: cg_realf */
static inline float cg_realf(cg_complex64 z) { return z.re; }

/* cg: cg_imag */
static inline double cg_imag(cg_complex128 z) { return z.im; }

/* cg: cg_imagf */
static inline float cg_imagf(cg_complex64 z) { return z.im; }

/* cg: cg_cwiden */
static inline cg_complex128 cg_cwiden(cg_complex64 z) { return cg_complex(z.re, z.im); }

/* cg: cg_cnarrow */
static inline cg_complex64 cg_cnarrow(cg_complex128 z)
{
    return cg_complexf((float)z.re, (float)z.im);
}

/* cg: cg_cnonzero */
static inline bool cg_cnonzero(cg_complex128 z) { return (z.re != 0) | (z.im != 0); }

/* cg: cg_cnonzerof */
static inline bool cg_cnonzerof(cg_complex64 z) { return (z.re != 0) | (z.im != 0); }

/* cg: cg_cequal */
static inline bool cg_cequal(cg_complex128 a, cg_complex128 b)
{
    return (a.re == b.re) & (a.im == b.im);
}

/* cg: cg_cequalf */
static inline bool cg_cequalf(cg_complex64 a, cg_complex64 b)
{
    return (a.re == b.re) & (a.im == b.im);
}

/* cg: cg_cunequal */
static inline bool cg_cunequal(cg_complex128 a, cg_complex128 b) { return !cg_cequal(a, b); }

/* cg: cg_cunequalf */
static inline bool cg_cunequalf(cg_complex64 a, cg_complex64 b) { return !cg_cequalf(a, b); }

/* cg: cg_conj */
static inline cg_complex128 cg_conj(cg_complex128 z) { return cg_complex(z.re, -z.im); }

/* cg: cg_conjf */
static inline cg_complex64 cg_conjf(cg_complex64 z) { return cg_complexf(z.re, -z.im); }

/* cg: cg_cneg */
static inline cg_complex128 cg_cneg(cg_complex128 z) { return cg_complex(-z.re, -z.im); }

/* cg: cg_cnegf */
static inline cg_complex64 cg_cnegf(cg_complex64 z) { return cg_complexf(-z.re, -z.im); }

/* cg: cg_cadd */
static inline cg_complex128 cg_cadd(cg_complex128 a, cg_complex128 b)
{
    return cg_complex(a.re + b.re, a.im + b.im);
}

/* cg: cg_caddf */
static inline cg_complex64 cg_caddf(cg_complex64 a, cg_complex64 b)
{
    return cg_complexf(a.re + b.re, a.im + b.im);
}

/* cg: cg_csub */
static inline cg_complex128 cg_csub(cg_complex128 a, cg_complex128 b)
{
    return cg_complex(a.re - b.re, a.im - b.im);
}

/* cg: cg_csubf */
static inline cg_complex64 cg_csubf(cg_complex64 a, cg_complex64 b)
{
    return cg_complexf(a.re - b.re, a.im - b.im);
}

/* cg: cg_cmul */
static inline cg_complex128 cg_cmul(cg_complex128 a, cg_complex128 b)
{
    return cg_complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
}

/* cg: cg_cmulf */
static inline cg_complex64 cg_cmulf(cg_complex64 a, cg_complex64 b)
{
    return cg_complexf(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
}

/* cg: cg_csqr */
static inline cg_complex128 cg_csqr(cg_complex128 z) { return cg_cmul(z, z); }

/* cg: cg_csqrf */
static inline cg_complex64 cg_csqrf(cg_complex64 z) { return cg_cmulf(z, z); }

/* cg: cg_cdiv */
static inline cg_complex128 cg_cdiv(cg_complex128 a, cg_complex128 b)
{
    const bool wide = fabs(b.re) >= fabs(b.im);
    const double big = wide ? b.re : b.im, small = wide ? b.im : b.re;
    const double ratio = small / big, scale = 1.0 / (big + small * ratio);
    const double re = wide ? a.re + a.im * ratio : a.re * ratio + a.im;
    const double im = wide ? a.im - a.re * ratio : a.im * ratio - a.re;
    /* by 0 each part is divided by 0 */
    const bool none = (b.re == 0) & (b.im == 0);
    return cg_complex(none ? a.re / fabs(b.re) : re * scale, none ? a.im / fabs(b.re) : im * scale);
}

/* cg: cg_cdivf */
static inline cg_complex64 cg_cdivf(cg_complex64 a, cg_complex64 b)
{
    const bool wide = fabsf(b.re) >= fabsf(b.im);
    const float big = wide ? b.re : b.im, small = wide ? b.im : b.re;
    const float ratio = small / big, scale = 1.0f / (big + small * ratio);
    const float re = wide ? a.re + a.im * ratio : a.re * ratio + a.im;
    const float im = wide ? a.im - a.re * ratio : a.im * ratio - a.re;
    const bool none = (b.re == 0) & (b.im == 0);
    return cg_complexf(none ? a.re / fabsf(b.re) : re * scale,
                       none ? a.im / fabsf(b.re) : im * scale);
}

/* cg: cg_creciprocal */
static inline cg_complex128 cg_creciprocal(cg_complex128 z)
{
    const bool wide = fabs(z.im) <= fabs(z.re);
    const double big = wide ? z.re : z.im, small = wide ? z.im : z.re;
    const double ratio = small / big, scale = big + small * ratio;
    return cg_complex((wide ? 1.0 : ratio) / scale, (wide ? -ratio : -1.0) / scale);
}

/* cg: cg_creciprocalf */
static inline cg_complex64 cg_creciprocalf(cg_complex64 z)
{
    const bool wide = fabsf(z.im) <= fabsf(z.re);
    const float big = wide ? z.re : z.im, small = wide ? z.im : z.re;
    const float ratio = small / big, scale = big + small * ratio;
    return cg_complexf((wide ? 1.0f : ratio) / scale, (wide ? -ratio : -1.0f) / scale);
}
