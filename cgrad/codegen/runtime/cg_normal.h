/* Scaled, logarithmic and inverse error functions: what the normal distribution is computed with.
 *
 * Unlike the elementary functions these have branches and loops, so a loop over one of them stays
 * scalar; one input gives one bit pattern all the same. float is computed in double. */
#pragma once
#include "cg_bits.h"
#include "cg_erf.h"
#include "cg_exp.h"
#include "cg_gauss.h"
#include "cg_log.h"

#include <math.h>

/* cg: cg_erfcx */
/* exp(x^2) erfc(x). Beyond 28 the asymptotic series (DLMF 7.12.1), below 0 what is missing to
 * 2 exp(x^2), whose exponent is a sum of two numbers. */
static double cg_erfcx(double x)
{
    const double size = fabs(x);
    double above;
    if (size <= 28.0) {
        double lost;
        above = cg_erfcx_above(size, &lost);
        above = fma(above, lost, above);
    } else {
        const double u = 0.5 / size / size;
        double p = 1.0 - 13.0 * u;
        for (double k = 11.0; k > 0.0; k -= 2.0) p = fma(-k * u, p, 1.0);
        above = 0x1.20dd750429b6dp-1 * p / size;
    }
    if (!(x < 0.0)) return above;
    const double square = x * x, e = cg_exp(square);
    return isinf(e) ? e : 2.0 * fma(e, fma(x, x, -square), e) - above;
}

/* cg: cg_erfcx_slope */
/* The derivative of erfcx of order n: (-1)^n 2^n n! exp(x^2) i^n erfc(x) with the iterated
 * integrals of erfc (DLMF 7.18.4). By their recurrence (DLMF 7.18.7), which is stable upwards
 * where x is small or negative; elsewhere its continued fraction gives the ratios of
 * neighbours (W. Gautschi, Computational aspects of three-term recurrence relations, SIAM
 * Review 9, 1967). */
static double cg_erfcx_slope(double x, double n)
{
    const double c = 0x1.20dd750429b6dp+0;
    if (n < 1.0) return cg_erfcx(x);
    if (!(x > 0.5)) {
        double before = cg_erfcx(x), y = fma(2.0 * x, before, -c);
        if (isinf(before)) return fmod(n, 2.0) == 0.0 ? before : -before;
        for (double k = 2.0; k <= n; k += 1.0) {
            const double next = 2.0 * fma(x, y, (k - 1.0) * before);
            before = y, y = next;
        }
        return y;
    }
    double y = c, ratio = 0.0;
    for (double k = n + 16.0 + floor(320.0 / x / x); k >= 0.0; k -= 1.0) {
        ratio = 0.5 / fma(k + 1.0, ratio, x);
        if (k <= n) y *= k > 0.0 ? -2.0 * k * ratio : ratio;
    }
    return y;
}

/* cg: cg_erfc_hazard */
/* The derivative of h(x) = 1 / erfcx(x) of order n <= 30, nan above, by Leibniz' rule for
 * h' = 2 h g with g = h / sqrt(pi) - x, g' = 2 g (g + x) - 1; where x is large g is the slope of
 * erfcx times -h / 2, which does not cancel, and h - sqrt(pi) x is sqrt(pi) g. */
static double cg_erfc_hazard(double x, double n)
{
    const double root_pi = 0x1.c5bf891b4ef6bp+0, e = cg_erfcx(x);
    double h[32], g[32], s[32], choose[32];
    h[0] = 1.0 / e;
    if (n < 1.0 || isnan(x)) return h[0];
    if (!(n <= 30.0)) return NAN;
    if (h[0] == 0.0) return 0.0;
    if (x > 1e8) {
        if (n < 2.0) return root_pi;
        double y = 0.5 * root_pi / x;
        for (double k = 1.0; k <= n; k += 1.0) y *= -k / x;
        return y;
    }
    const int order = (int)n;
    s[0] = 0.0;
    if (x > 0.5)
        for (int k = 1; k <= order + 1; ++k) s[k] = cg_erfcx_slope(x, k);
    g[0] = x > 0.5 ? -0.5 * s[1] * h[0] : h[0] / root_pi - x;
    choose[0] = 1.0;
    for (int k = 1; k <= order; ++k) {
        double total = 0.0;
        if (x > 0.5) {
            /* row k of Pascal's triangle */
            choose[k] = 1.0;
            for (int j = k - 1; j > 0; --j) choose[j] += choose[j - 1];
            if (k == 1) total = s[1] * root_pi;
            for (int j = 1; j <= k; ++j) total = fma(choose[j] * s[1 + j], h[k - j], total);
            g[k] = -0.5 * total / (root_pi * x * e);
            h[k] = root_pi * ((k == 1 ? 1.0 : 0.0) + g[k]);
        } else {
            for (int j = 0; j < k; ++j) total = fma(choose[j] * h[j], g[k - 1 - j], total);
            choose[k] = 1.0;
            for (int j = k - 1; j > 0; --j) choose[j] += choose[j - 1];
            h[k] = 2.0 * total;
            g[k] = h[k] / root_pi - (k == 1 ? 1.0 : 0.0);
        }
    }
    return h[order];
}

/* cg: cg_log_erfc */
/* log(erfc(x)). */
static double cg_log_erfc(double x)
{
    return x > 0.5 ? cg_log(cg_erfcx(x)) - x * x : cg_log1p(-cg_erf(x));
}

/* cg: cg_normal_above */
/* The probability that a standard normal number is above x >= 0: erfc(x / sqrt(2)) / 2, with what
 * the rounding of the quotient takes. */
static double cg_normal_above(double x)
{
    const double s = x * 0x1.6a09e667f3bcdp-1;
    const double low = fma(x, 0x1.6a09e667f3bcdp-1, -s) - x * 0x1.bdd3413b26456p-55;
    const double whole = 0.5 * cg_erfc(s);
    return whole > 0.0 ? whole - whole * (0x1.20dd750429b6dp+0 * low / cg_erfcx(s)) : whole;
}

/* cg: cg_log_ndtr */
/* The logarithm of the probability that a standard normal number is below x. */
static double cg_log_ndtr(double x)
{
    if (x >= 0.0) return cg_log1p(-cg_normal_above(x));
    if (x > -1.0) return cg_log1p(-0.5 * cg_erfc(x * 0x1.6a09e667f3bcdp-1));
    return cg_log(0.5 * cg_erfcx(x * -0x1.6a09e667f3bcdp-1)) - 0.5 * x * x;
}

/* cg: cg_erfc_root */
/* y with log(erfc(y)) = goal <= -0.69, by Halley's method from the first terms of the asymptotic
 * inverse (DLMF 7.17.6): the logarithm is flat in y where erfc itself has no digits left. */
static double cg_erfc_root(double goal)
{
    const double c = 0x1.20dd750429b6dp+0;
    if (goal == -INFINITY) return INFINITY;
    double y = sqrt(-goal) - 0.3;
    if (goal < -4.0) y = sqrt(-goal - 0.5 * cg_log(0x1.921fb54442d18p+1 * -goal));
    for (int k = 0; k < 4; ++k) {
        const double e = cg_erfcx(y), slope = c / e;
        const double step = (cg_log(e) - y * y - goal) / slope;
        y += step / fma(-0.5 * step, slope - 2.0 * y, 1.0);
    }
    return y;
}

/* cg: cg_erfinv_near */
/* y with erf(y) = x for |x| <= 1/2: a polynomial (M. Giles, Approximating the erfinv function, GPU
 * Computing Gems, 2012) and a step of Halley's method. */
static double cg_erfinv_near(double x)
{
    const double w = -cg_log1p(-x * x) - 2.5;
    double p = fma(2.81022636e-08, w, 3.43273939e-07);
    p = fma(p, w, -3.5233877e-06), p = fma(p, w, -4.39150654e-06);
    p = fma(p, w, 0.00021858087), p = fma(p, w, -0.00125372503);
    p = fma(p, w, -0.00417768164), p = fma(p, w, 0.246640727);
    const double y = x * fma(p, w, 1.50140941);
    const double step = (cg_erf(y) - x) * 0x1.c5bf891b4ef6ap-1 * cg_exp(y * y);
    return y - step / fma(y, step, 1.0);
}

/* cg: cg_erfinv */
static double cg_erfinv(double x)
{
    const double size = fabs(x);
    if (size <= 0.5) return cg_erfinv_near(x);
    return size > 1.0 ? NAN : copysign(cg_erfc_root(cg_log(1.0 - size)), x);
}

/* cg: cg_erfcinv */
static double cg_erfcinv(double q)
{
    if (q >= 0.5 && q <= 1.5) return cg_erfinv_near(1.0 - q);
    if (q > 1.5) return q > 2.0 ? NAN : -cg_erfc_root(cg_log(2.0 - q));
    return q < 0.0 ? NAN : cg_erfc_root(cg_log(q));
}

/* cg: cg_ndtri_exp */
/* x with log_ndtr(x) = y; near log(1/2) by the distance from it. */
static double cg_ndtri_exp(double y)
{
    const double root = 0x1.6a09e667f3bcdp+0;
    if (y > 0.0) return NAN;
    if (y > -0.4) return root * cg_erfcinv(-2.0 * cg_expm1(y));
    const double gap = (y + 0x1.62e42fefa39efp-1) + 0x1.abc9e3b39803fp-56;
    return root * (y > -1.0 ? cg_erfinv_near(cg_expm1(gap)) : -cg_erfc_root(gap));
}

/* cg: cg_log1mexp */
/* log(1 - exp(x)) for x <= 0 (M. Maechler, Accurately computing log(1 - exp(-|a|)), 2012). */
static double cg_log1mexp(double x)
{
    return x > -0x1.62e42fefa39efp-1 ? cg_log(-cg_expm1(x)) : cg_log1p(-cg_exp(x));
}

/* cg: cg_logit */
/* log(x / (1 - x)); around 1/2 by the exact distance from it. */
static double cg_logit(double x)
{
    if (x >= 0.25 && x <= 0.75) return cg_log1p((2.0 * x - 1.0) / (1.0 - x));
    return cg_log(x) - cg_log1p(-x);
}

/* cg: cg_owens_t_near */
/* Owen's T for h >= 0 and 0 <= a <= 1. */
static double cg_owens_t_near(double h, double a)
{
    const double square = h * h, last = h * a > 9.4 ? 9.4 / h : a, half = last / 8.0;
    double sum = 0.0;
    if (square > 1600.0) return 0.0;
    for (double part = 0.0; part < 4.0; part += 1.0) {
        for (int k = 0; k < 16; ++k) {
            const double u = half * (2.0 * part + 1.0 + cg_gauss_node(k));
            sum += cg_gauss_weight(k) * (cg_exp(-0.5 * square * u * u) / fma(u, u, 1.0));
        }
    }
    const double e = cg_exp(-0.5 * square);
    return fma(e, -0.5 * fma(h, h, -square), e) * (half * sum) * 0x1.45f306dc9c883p-3;
}

/* cg: cg_owens_t */
/* Owen's T function: the integral of exp(-h^2 (1 + u^2) / 2) / (1 + u^2) / (2 pi) from 0 to a (D.
 * B. Owen, Tables for computing bivariate normal probabilities, Ann. Math. Stat. 27, 1956), by
 * Gauss's rule where its integrand is not negligible; for |a| > 1 by T(a h, 1 / a), Owen's
 * equation 2.5. */
static double cg_owens_t(double h, double a)
{
    const double size = fabs(a);
    if (isnan(h) || isnan(a)) return NAN;
    h = fabs(h);
    double result;
    if (size > 1.0) {
        const double far = h == 0.0 ? 0.0 : size * h, other = cg_normal_above(far);
        const double own = cg_normal_above(h);
        result = 0.5 * (own + other) - own * other;
        if (!isinf(far) && !isinf(size)) result -= cg_owens_t_near(far, 1.0 / size);
        if (h == 0.0 && isinf(size)) result = 0.25;
    } else {
        result = cg_owens_t_near(h, size);
    }
    return copysign(result, a);
}
