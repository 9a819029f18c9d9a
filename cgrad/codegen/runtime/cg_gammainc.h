/* The incomplete gamma functions, their derivatives in the shape, their inverses: scalar code.
 *
 * P(a, x) and Q(a, x) by the power series (DLMF 8.11.4), for small x that of DLMF 8.7.1, for x > a
 * the continued fraction (DLMF 8.9.2); x near a large a, and derivatives with respect to a, by
 * quadrature over the logarithm of t with the trapezoidal rule after s = exp(u - exp(-u))
 * (H. Takahasi, M. Mori, Publ. RIMS 9, 1974). The common factor x^a exp(-x) / gamma(a + 1) is that
 * of N. M. Temme for large a, whose exponent does not cancel (SIAM J. Math. Anal. 10, 1979). */
#pragma once
#include "cg_gamma.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_log1p_less */
/* log(1 + x) - x for x > -1. */
static inline double cg_log1p_less(double x)
{
    return fabs(x - 0.06) < 0.35 ? cg_log_tail(x) : cg_log1p(x) - x;
}

/* cg: cg_expm1_less */
/* e^x - 1 - x. */
static inline double cg_expm1_less(double x)
{
    return fabs(x) < 0.34 ? x * x * cg_expm1_of(x) : cg_expm1(x) - x;
}

/* cg: cg_gamma_power */
/* x^a exp(-x) / gamma(a + 1) for finite a > 0 and x > 0. */
static inline double cg_gamma_power(double a, double x)
{
    if (a < 10.0) {
        double second;
        const double half = cg_exp(-0.5 * x), first = cg_gamma_factors(a + 1.0, &second);
        if (half == 0.0) return 0.0; /* where x^a may be infinite */
        return cg_pow(x, a) * half / first / second * half;
    }
    const double off = (x - a) / a;
    const double size = x < 0.5 * a ? cg_log(x / a) - off : cg_log1p_less(off);
    return cg_exp(a * size) * cg_exp(-cg_stirling(a)) / sqrt(0x1.921fb54442d18p+2 * a);
}

/* cg: cg_log_less_digamma */
/* log x - digamma(a) for finite a > 0 and x > 0. */
static inline double cg_log_less_digamma(double a, double x)
{
    if (a < 10.0)
        return cg_log(x) - cg_digamma_positive(a);
    const double inverse = 1.0 / a, square = inverse * inverse, off = (x - a) / a;
    const double log = fabs(off) < 0.5 ? cg_log1p(off) : cg_log(x / a);
    return log + 0.5 * inverse - square * cg_polynomial(cg_digamma_terms, 8, square);
}

/* cg: cg_shape_orders */
/* The highest order of a derivative with respect to a shape. */
enum { cg_shape_orders = 8 };

/* cg: cg_bell */
/* The complete Bell polynomials b[0..n] of c[1..n]: derivatives of exp(f), over exp(f), from those
 * of f (DLMF 26.7 has the numbers). */
static inline void cg_bell(int n, const double *c, double *b)
{
    b[0] = 1.0;
    for (int m = 0; m < n; ++m) {
        double choices = 1.0;
        b[m + 1] = 0.0;
        for (int i = 0; i <= m; ++i) {
            b[m + 1] += choices * c[i + 1] * b[m - i];
            choices *= (double)(m - i) / (i + 1);
        }
    }
}

/* cg: cg_gamma_cumulants */
/* Derivatives with respect to a of log(x^a / gamma(a)), into c[1..n]. */
static inline void cg_gamma_cumulants(int n, double a, double x, double *c)
{
    if (n > 0)
        c[1] = cg_log_less_digamma(a, x);
    for (int k = 2; k <= n; ++k)
        c[k] = -cg_polygamma(k - 1.0, a);
}

/* cg: cg_gamma_integral */
/* The integral of t^(a - 1) exp(-t) b_n(t) over t < x (side -1) or t > x (side 1), divided by
 * x^a exp(-x), where b_n exp(f) is the n-th derivative of exp(f) = t^a / gamma(a). */
static inline double cg_gamma_integral(int n, double a, double x, double side)
{
    double c[cg_shape_orders + 1], b[cg_shape_orders + 1], sum = 0.0;
    cg_gamma_cumulants(n, a, x, c);
    const double start = n > 0 ? c[1] : 0.0;
    const double scale = 1.0 / (fabs(x - a) + sqrt(x > a ? x : a)), step = 1.0 / 32;
    for (double u = -3.75; u < 6.0; u += step) {
        const double rise = cg_exp(-u), s = scale * cg_exp(u - rise);
        const double power = -fabs(x - a) * s - x * cg_expm1_less(side * s);
        c[1] = start + side * s;
        cg_bell(n, c, b);
        sum += b[n] * cg_exp(power) * s * (1.0 + rise);
        if (power < -100.0)
            break;
    }
    return sum * step;
}

/* cg: cg_gammainc_series */
/* P(a, x) over x^a exp(-x) / gamma(a + 1). */
static inline double cg_gammainc_series(double a, double x)
{
    double sum = 1.0, term = 1.0;
    for (double at = a + 1.0; term > 0x1p-56 * sum; at += 1.0)
        term *= x / at, sum += term;
    return sum;
}

/* cg: cg_gammainc_fraction */
/* Q(a, x) over x^a exp(-x) / gamma(a), for x >= a (W. J. Lentz's method). */
static inline double cg_gammainc_fraction(double a, double x)
{
    double at = x + 1.0 - a, d = 1.0 / at, c = 0x1p1000, y = d;
    for (int k = 1; k < 10000; ++k) {
        const double top = k * (a - k);
        at += 2.0;
        d = 1.0 / fma(top, d, at);
        c = at + top / c;
        const double change = c * d;
        y *= change;
        if (fabs(change - 1.0) < 0x1p-53)
            break;
    }
    return y;
}

/* cg: cg_gammainc_small */
/* Q(a, x) for x < 1.5 and a below about 1.5. */
static inline double cg_gammainc_small(double a, double x)
{
    double sum = 0.0, term = 1.0;
    for (int k = 1; k < 30; ++k)
        term *= -x / k, sum += term * a / (a + k);
    const double gamma = a < 0.5 ? cg_gammaln_above(a) - cg_log1p(a) : cg_gammaln_positive(1.0 + a);
    const double less = cg_expm1(a * cg_log(x) - gamma);
    return -less - (1.0 + less) * sum;
}

/* cg: cg_gammainc_both */
/* P(a, x) and Q(a, x) for finite a > 0 and x > 0; the smaller one has all its digits. */
static inline double cg_gammainc_both(double a, double x, double *upper)
{
    const double power = cg_gamma_power(a, x);
    if (a > 100.0 && fabs(x - a) < 0.3 * a) {
        const double side = x < a ? -1.0 : 1.0, part = a * power * cg_gamma_integral(0, a, x, side);
        *upper = x < a ? 1.0 - part : part;
        return x < a ? part : 1.0 - part;
    }
    if (x < 1.5 && a < (x < 0.5 ? -0.4 / cg_log(x) : 1.1 * x)) {
        *upper = cg_gammainc_small(a, x);
        return 1.0 - *upper;
    }
    if (x < 1.5 || x < a) {
        const double lower = power * cg_gammainc_series(a, x);
        *upper = 1.0 - lower;
        return lower;
    }
    *upper = a * power * cg_gammainc_fraction(a, x);
    return 1.0 - *upper;
}

/* cg: cg_gammainc_end */
/* P(a, x) where a or x is 0 or infinite, nan outside the domain, -1 elsewhere. */
static inline double cg_gammainc_end(double a, double x)
{
    if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (a == INFINITY && x == INFINITY))
        return NAN;
    return a == 0 || x == INFINITY ? 1.0 : x == 0 || a == INFINITY ? 0.0 : -1.0;
}

/* cg: cg_gammainc */
/* The regularised lower incomplete gamma function P(a, x). */
static inline double cg_gammainc(double a, double x)
{
    const double end = cg_gammainc_end(a, x);
    double upper;
    return end == -1.0 ? cg_gammainc_both(a, x, &upper) : end;
}

/* cg: cg_gammaincc */
/* The regularised upper incomplete gamma function Q(a, x). */
static inline double cg_gammaincc(double a, double x)
{
    const double end = cg_gammainc_end(a, x);
    double upper = 1.0 - end;
    if (end == -1.0)
        cg_gammainc_both(a, x, &upper);
    return upper;
}

/* cg: cg_gamma_density */
/* The n-th derivative with respect to a of x^(a - 1) exp(-x) / gamma(a). */
static inline double cg_gamma_density(double n, double a, double x)
{
    const int order = (int)n;
    double c[cg_shape_orders + 1], b[cg_shape_orders + 1];
    if (!(a > 0 && x >= 0 && a < INFINITY))
        return NAN;
    if (x == 0)
        return a > 1 ? 0.0 : a == 1 && order == 0 ? 1.0 : (order & 1) ? -INFINITY : INFINITY;
    if (x == INFINITY)
        return 0.0;
    cg_gamma_cumulants(order, a, x, c);
    cg_bell(order, c, b);
    return cg_gamma_power(a, x) * (a / x) * b[order];
}

/* cg: cg_gammainc_shape_small */
/* The n-th derivative of P with respect to a for 0 < x <= 1: x^a / gamma(a + 1) times the sum of
 * (-x)^k / k! a / (a + k) (DLMF 8.7.1), each differentiated. */
static inline double cg_gammainc_shape_small(int n, double a, double x)
{
    double c[cg_shape_orders + 1], b[cg_shape_orders + 1], sum = 0.0, choices = 1.0, fact = 1.0;
    cg_gamma_cumulants(n, a + 1.0, x, c);
    cg_bell(n, c, b);
    for (int i = 0; i <= n; ++i) {
        double part = i == 0 ? 1.0 : 0.0, term = 1.0;
        for (int k = 1; k < 24; ++k) {
            term *= -x / k;
            double slope = i == 0 ? a / (a + k) : -k * fact / (a + k);
            for (int j = 0; j < i; ++j)
                slope /= a + k;
            part += term * slope;
        }
        sum += choices * b[n - i] * part;
        choices *= (double)(n - i) / (i + 1);
        fact *= -(i + 1.0);
    }
    return cg_gamma_power(a, x) * cg_exp(x) * sum;
}

/* cg: cg_gammainc_shape */
/* The n-th derivative of P(a, x) with respect to a, for n >= 1. */
static inline double cg_gammainc_shape(double n, double a, double x)
{
    if (!(a > 0 && x >= 0 && a < INFINITY))
        return NAN;
    if (x == 0 || x == INFINITY)
        return 0.0;
    if (x <= 1.0)
        return cg_gammainc_shape_small((int)n, a, x);
    const double side = x < a ? -1.0 : 1.0;
    return -side * a * cg_gamma_power(a, x) * cg_gamma_integral((int)n, a, x, side);
}

/* cg: cg_normal_guess */
/* The quantile of the normal distribution to 3 digits, p <= 1/2 (Abramowitz & Stegun 26.2.23). */
static inline double cg_normal_guess(double p)
{
    const double t = sqrt(-2.0 * cg_log(p));
    const double top = 2.515517 + t * (0.802853 + t * 0.010328);
    return top / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
}

/* cg: cg_gammainc_root */
/* The x with P(a, x) = part (lower) or Q(a, x) = part, 0 < part <= 1/2, by Newton's method for the
 * logarithm of P or Q as a function of log x: it is concave, so steps do not leave one side. */
static inline double cg_gammainc_root(double a, double part, bool lower)
{
    const double z = lower ? cg_normal_guess(part) : -cg_normal_guess(part);
    const double w = 1.0 - 1.0 / (9.0 * a) + z / (3.0 * sqrt(a)); /* E. B. Wilson, M. M. Hilferty */
    const double log_p = lower ? cg_log(part) : cg_log1p(-part);
    const double size = a < 0.5 ? cg_gammaln_above(a) - cg_log1p(a) : cg_gammaln_positive(1.0 + a);
    double x = w > 0.3 ? a * w * w * w : cg_exp((log_p + size) / a);
    for (int k = 0; k < 200 && x > 0; ++k) {
        double upper;
        const double p = cg_gammainc_both(a, x, &upper), found = lower ? p : upper;
        const double slope = a * cg_gamma_power(a, x), ratio = found / part;
        const double gap = ratio > 0.5 && ratio < 2.0 ? cg_log1p((found - part) / part)
                                                      : cg_log(found) - cg_log(part);
        double step = found > 0 && slope > 0 ? gap * (found / slope) : gap > 0 ? 1.0 : -0.125;
        step = step > 1.0 ? 1.0 : step < -1.0 ? -1.0 : step;
        x += x * cg_expm1(lower ? -step : step);
        if (fabs(step) * sqrt(sqrt(1.0 + a)) < 1e-8)
            break;
    }
    return x;
}

/* cg: cg_gammaincinv */
/* The x with P(a, x) = p. */
static inline double cg_gammaincinv(double a, double p)
{
    if (!(a >= 0 && p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? 0.0 : INFINITY;
    if (a == 0 || a == INFINITY)
        return NAN;
    return p <= 0.5 ? cg_gammainc_root(a, p, true) : cg_gammainc_root(a, 1.0 - p, false);
}

/* cg: cg_gammainccinv */
/* The x with Q(a, x) = q. */
static inline double cg_gammainccinv(double a, double q)
{
    if (!(a >= 0 && q >= 0 && q <= 1))
        return NAN;
    if (q == 0 || q == 1)
        return q == 0 ? INFINITY : 0.0;
    if (a == 0 || a == INFINITY)
        return NAN;
    return q <= 0.5 ? cg_gammainc_root(a, q, false) : cg_gammainc_root(a, 1.0 - q, true);
}
