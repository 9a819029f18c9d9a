/* The beta function, the incomplete one, its derivatives in the shapes, its inverse: scalar code.
 *
 * I_x(a, b) by the continued fraction (DLMF 8.17.22) below the mean, by symmetry (DLMF 8.17.4)
 * above it; for large a or b, and derivatives with respect to a and b, by the quadrature of
 * cg_gammainc.h over the logarithm of t / (1 - t).
 * The factor x^a (1 - x)^b / B(a, b) has an exponent that does not cancel (A. R. DiDonato,
 * A. H. Morris, ACM TOMS 18, 1992). */
#pragma once
#include "cg_gammainc.h"
#include "cg_twofold.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_stirling_ratio */
/* log of gamma(b) / gamma(a + b) for 0 < a <= b and b >= 10. */
static inline double cg_stirling_ratio(double a, double b)
{
    const double sum = a + b, rest = cg_stirling(b) - cg_stirling(sum);
    return rest - (b - 0.5) * cg_log1p(a / b) - a * (cg_log(sum) - 1.0);
}

/* cg: cg_betaln_positive */
/* log B(a, b) for finite a > 0 and b > 0. */
static inline double cg_betaln_positive(double a, double b)
{
    const double low = a < b ? a : b, high = a < b ? b : a;
    if (low >= 10.0) { /* gamma(low) by Stirling's series too: what is large cancels on paper */
        const double rest = cg_stirling(low) + cg_stirling(high) - cg_stirling(low + high);
        const double part = (low - 0.5) * cg_log1p(high / low) + high * cg_log1p(low / high);
        return 0x1.d67f1c864beb5p-1 - 0.5 * cg_log(high) + rest - part;
    }
    if (high >= 10.0)
        return cg_gammaln_positive(low) + cg_stirling_ratio(low, high);
    if (low < 1e-10) /* (a + b) / ab, where gamma(a) may be infinite */
        return cg_log1p(low / high) - cg_log(low);
    return cg_log(cg_gamma_small(low) * cg_gamma_small(high)) - cg_gammaln_positive(low + high);
}

/* cg: cg_betaln */
/* log |B(a, b)|. */
static inline double cg_betaln(double a, double b)
{
    if (a > 0 && b > 0 && a < INFINITY && b < INFINITY)
        return cg_betaln_positive(a, b);
    if (a != a || b != b)
        return NAN;
    if (a >= 0 && b >= 0)
        return a == 0 || b == 0 ? INFINITY : -INFINITY;
    if ((a < 0 && a == rint(a)) || (b < 0 && b == rint(b))) {
        const double pole = a < 0 && a == rint(a) ? a : b, other = a < 0 && a == rint(a) ? b : a;
        return other == rint(other) && other > 0 && 1.0 - pole - other > 0
                   ? cg_betaln_positive(1.0 - pole - other, other)
                   : INFINITY;
    }
    const double low = a < b ? a : b, sum = a + b;
    if (sum >= 10.0 && -low <= sum) /* what is large cancels, as in cg_betaln_positive */
        return cg_gammaln(low) - cg_stirling_ratio(-low, sum);
    return cg_gammaln(a) + cg_gammaln(b) - cg_gammaln(sum);
}

/* cg: cg_beta */
/* B(a, b), also for negative arguments. */
static inline double cg_beta(double a, double b)
{
    const double low = fabs(a) < fabs(b) ? a : b, high = fabs(a) < fabs(b) ? b : a;
    if (a > 0 && b > 0 && high < 10.0)
        return low < 1e-10 ? (1.0 + low / high) / low
                           : cg_gamma_small(low) * (cg_gamma_small(high) / cg_gamma(a + b));
    const bool pole_a = a < 0 && a == rint(a), pole_b = b < 0 && b == rint(b);
    if (!(a < 0 || b < 0) || pole_a || pole_b) {
        const double size = cg_exp(cg_betaln(a, b));
        const double other = pole_a ? b : a;
        /* (-1)^other B(1 - pole - other, other) where the poles of two factors cancel */
        return (a < 0 || b < 0) && size < INFINITY && fmod(other, 2.0) != 0 ? -size : size;
    }
    if (a + b <= 0 && a + b == rint(a + b))
        return 0.0;
    if (fabs(high) < 160.0 && fabs(a + b) < 160.0)
        return cg_gamma(low) * (cg_gamma(high) / cg_gamma(a + b));
    /* gamma has the sign of the sine where it is negative */
    const bool odd = (a < 0 && cg_sin_pi(a) < 0) != (b < 0 && cg_sin_pi(b) < 0);
    const bool other = a + b < 0 && cg_sin_pi(a + b) < 0;
    const double size = cg_exp(cg_betaln(a, b));
    return odd != other ? -size : size;
}

/* cg: cg_beta_lean */
/* (a + b) x - a, rounded once. */
static inline double cg_beta_lean(double a, double b, double x)
{
    const cg_twofold sum = cg_two_sum(a, b);
    return fma(sum.high, x, -a) + sum.low * x;
}

/* cg: cg_beta_power */
/* x^a y^b / B(a, b) for y = 1 - x. */
static inline double cg_beta_power(double a, double b, double x, double y)
{
    const double log_x = x < 0.5 ? cg_log(x) : cg_log1p(-y);
    const double log_y = y < 0.5 ? cg_log(y) : cg_log1p(-x);
    if (a < 10.0 || b < 10.0)
        return a < 10.0 && b < 10.0 ? cg_exp(a * log_x) * cg_exp(b * log_y) / cg_beta(a, b)
                                    : cg_exp(a * log_x + b * log_y - cg_betaln_positive(a, b));
    const double lean = cg_beta_lean(a, b, x), off_a = lean / a, off_b = -lean / b;
    const double part_a = off_a < -0.5 ? log_x - cg_log(a / (a + b)) - off_a : cg_log1p_less(off_a);
    const double part_b = off_b < -0.5 ? log_y - cg_log(b / (a + b)) - off_b : cg_log1p_less(off_b);
    const double rest = cg_stirling(a + b) - cg_stirling(a) - cg_stirling(b);
    const double root = sqrt(a < b ? a / (1.0 + a / b) : b / (1.0 + b / a));
    return cg_exp(a * part_a + b * part_b) * cg_exp(rest) * root * 0x1.9884533d43651p-2;
}

/* cg: cg_beta_moments */
/* d[i][j], the derivatives of order i in a and j in b of exp(f), over it, from those of f, c[i][j]:
 * Leibniz's rule for f' exp(f), in a where there is an i, else in b. */
static inline void cg_beta_moments(int m, int n, double (*c)[cg_shape_orders + 1],
                                   double (*d)[cg_shape_orders + 1])
{
    for (int i = 0; i <= m; ++i)
        for (int j = 0; j <= n; ++j) {
            double sum = i + j == 0 ? 1.0 : 0.0, outer = 1.0;
            for (int k = 0; i > 0 && k < i; ++k) {
                double inner = 1.0;
                for (int l = 0; l <= j; ++l) {
                    sum += outer * inner * c[k + 1][l] * d[i - 1 - k][j - l];
                    inner *= (double)(j - l) / (l + 1);
                }
                outer *= (double)(i - 1 - k) / (k + 1);
            }
            for (int l = 0; i == 0 && l < j; ++l) {
                sum += outer * c[0][l + 1] * d[0][j - 1 - l];
                outer *= (double)(j - 1 - l) / (l + 1);
            }
            d[i][j] = sum;
        }
}

/* cg: cg_beta_cumulants */
/* c[i][j], the derivatives of log(x^a y^b / B(a, b)); that of order 0 is not used. */
static inline void cg_beta_cumulants(int m, int n, double a, double b, double x, double y,
                                     double (*c)[cg_shape_orders + 1])
{
    const double log_x = x < 0.5 ? cg_log(x) : cg_log1p(-y);
    const double log_y = y < 0.5 ? cg_log(y) : cg_log1p(-x);
    const double whole = cg_log_less_digamma(a + b, a + b);
    for (int i = 0; i <= m; ++i)
        for (int j = 0; j <= n; ++j) {
            const int order = i + j;
            double value = order > 1 ? cg_polygamma(order - 1.0, a + b) : 0.0;
            if (order > 1 && j == 0)
                value -= cg_polygamma(order - 1.0, a);
            if (order > 1 && i == 0)
                value -= cg_polygamma(order - 1.0, b);
            if (order == 1)
                value = cg_log_less_digamma(i ? a : b, a + b) + (i ? log_x : log_y) - whole;
            c[i][j] = value;
        }
}

/* cg: cg_beta_integral */
/* The integral of t^(a - 1) (1 - t)^(b - 1) d_mn(t) over t < x, divided by x^a y^b, y = 1 - x. With
 * t / (1 - t) = x / y e^-s, 1 - t is y e^l; the exponent is a sum of terms that do not cancel. */
static inline double cg_beta_integral(int m, int n, double a, double b, double x, double y)
{
    double c[cg_shape_orders + 1][cg_shape_orders + 1], d[cg_shape_orders + 1][cg_shape_orders + 1];
    cg_beta_cumulants(m, n, a, b, x, y, c);
    const double first_a = m > 0 ? c[1][0] : 0.0, first_b = n > 0 ? c[0][1] : 0.0, both = a + b;
    const double lean = x < 0.5 ? cg_beta_lean(a, b, x) : -cg_beta_lean(b, a, y);
    const double scale = 1.0 / (fabs(lean) + sqrt(both * x * y)), step = 1.0 / 32;
    double sum = 0.0;
    for (double u = -3.75; u < 6.0; u += step) {
        const double rise = cg_exp(-u), s = scale * cg_exp(u - rise), sign = x < 0.5 ? -1.0 : 1.0;
        const double part = x < 0.5 ? x : y, w = part * cg_expm1(sign * (s < 700.0 ? s : 700.0));
        const double found = x < 0.5 ? -cg_log1p(w) : s - cg_log1p(w);
        const double l = s < 700.0 ? found : -cg_log(y);
        const double bend = part * cg_expm1_less(sign * s) + cg_log1p_less(w);
        const double power = s < 1.0 ? lean * s - both * bend : both * l - a * s;
        if (m > 0)
            c[1][0] = first_a + (l - s);
        if (n > 0)
            c[0][1] = first_b + l;
        cg_beta_moments(m, n, c, d);
        sum += d[m][n] * cg_exp(power) * s * (1.0 + rise);
        if (power < -100.0)
            break;
    }
    return sum * step;
}

/* cg: cg_beta_fraction */
/* I_x(a, b) a over x^a y^b / B(a, b), for x below about the mean (W. J. Lentz's method). */
static inline double cg_beta_fraction(double a, double b, double x)
{
    double d = 1.0 / (1.0 - (a + b) * x / (a + 1.0)), c = 1.0, y = d;
    for (int k = 1; k < 10000; ++k) {
        const double even = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k));
        d = 1.0 / fma(even, d, 1.0), c = 1.0 + even / c;
        y *= c * d;
        const double odd = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1));
        d = 1.0 / fma(odd, d, 1.0), c = 1.0 + odd / c;
        y *= c * d;
        if (fabs(c * d - 1.0) < 0x1p-52)
            break;
    }
    return y;
}

/* cg: cg_betainc_below */
/* I_x(a, b) for x up to the mean, y = 1 - x. Where the fraction would take long, by quadrature. */
static inline double cg_betainc_below(double a, double b, double x, double y)
{
    const double power = cg_beta_power(a, b, x, y);
    const bool slow = a > 1000.0 || b > 1000.0 || x * (b + 1.0) > y * (a + 1.0);
    return slow ? power * cg_beta_integral(0, 0, a, b, x, y)
                : power * cg_beta_fraction(a, b, x) / a;
}

/* cg: cg_betainc_both */
/* I_x(a, b) and what is left to 1, for finite a > 0, b > 0, 0 < x < 1 and y = 1 - x. */
static inline double cg_betainc_both(double a, double b, double x, double y, double *upper)
{
    if (x * b <= y * a) {
        const double lower = cg_betainc_below(a, b, x, y);
        *upper = 1.0 - lower;
        return lower;
    }
    *upper = cg_betainc_below(b, a, y, x);
    return 1.0 - *upper;
}

/* cg: cg_betainc */
/* The regularised incomplete beta function I_x(a, b). */
static inline double cg_betainc(double a, double b, double x)
{
    if (!(a >= 0 && b >= 0 && x >= 0 && x <= 1) || (a == 0 && b == 0) ||
        (a == INFINITY && b == INFINITY))
        return NAN;
    if (x == 0 || x == 1)
        return x;
    if (a == 0 || b == 0 || a == INFINITY || b == INFINITY)
        return a == 0 || b == INFINITY ? 1.0 : 0.0;
    double upper;
    return cg_betainc_both(a, b, x, 1.0 - x, &upper);
}

/* cg: cg_beta_density */
/* The derivative of order m in a and n in b of x^(a - 1) (1 - x)^(b - 1) / B(a, b). */
static inline double cg_beta_density(double m, double n, double a, double b, double x)
{
    double c[cg_shape_orders + 1][cg_shape_orders + 1], d[cg_shape_orders + 1][cg_shape_orders + 1];
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1 && a < INFINITY && b < INFINITY))
        return NAN;
    if (x == 0 || x == 1) {
        const double shape = x == 0 ? a : b, other = x == 0 ? b : a, order = x == 0 ? m : n;
        if (shape != 1 || m + n > 0)
            return shape > 1 ? 0.0 : fmod(order, 2.0) == 1.0 ? -INFINITY : INFINITY;
        return other;
    }
    const double y = 1.0 - x;
    cg_beta_cumulants((int)m, (int)n, a, b, x, y, c);
    cg_beta_moments((int)m, (int)n, c, d);
    return cg_beta_power(a, b, x, y) / x / y * d[(int)m][(int)n];
}

/* cg: cg_betainc_shape */
/* The derivative of order m in a and n in b of I_x(a, b), for m + n >= 1. */
static inline double cg_betainc_shape(double m, double n, double a, double b, double x)
{
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1 && a < INFINITY && b < INFINITY))
        return NAN;
    if (x == 0 || x == 1)
        return 0.0;
    const double y = 1.0 - x, power = cg_beta_power(a, b, x, y);
    return x * b <= y * a ? power * cg_beta_integral((int)m, (int)n, a, b, x, y)
                          : -power * cg_beta_integral((int)n, (int)m, b, a, y, x);
}

/* cg: cg_betainc_root */
/* The x with I_x(a, b) = p, 0 < p <= 1/2, and 1 - x: as cg_gammainc_root, over log(x / (1 - x)). */
static inline double cg_betainc_root(double a, double b, double p, double *rest)
{
    const double near = cg_log(a / b) + cg_normal_guess(p) * sqrt(1.0 / a + 1.0 / b);
    const double power = (cg_log(p) + cg_log(a) + cg_betaln_positive(a, b)) / a;
    double u = a < 1.0 || b < 1.0 ? power : near, x = 0.0;
    bool close = false;
    for (int k = 0; k < 300; ++k) {
        const double decay = cg_exp(-fabs(u)), small = decay / (1.0 + decay);
        x = u < 0 ? small : 1.0 / (1.0 + decay), *rest = u < 0 ? 1.0 / (1.0 + decay) : small;
        if (close || !(x > 0 && *rest > 0))
            break;
        double upper;
        const double found = cg_betainc_both(a, b, x, *rest, &upper), ratio = found / p;
        const double slope = cg_beta_power(a, b, x, *rest);
        const double gap = ratio > 0.5 && ratio < 2.0 ? cg_log1p((found - p) / p)
                                                      : cg_log(found) - cg_log(p);
        double step = found > 0 && slope > 0 ? gap * (found / slope) : gap > 0 ? 4.0 : -0.125;
        step = step > 4.0 ? 4.0 : step < -4.0 ? -4.0 : step;
        u -= step;
        close = fabs(step) * sqrt(sqrt(1.0 + (a < b ? a : b))) < 1e-8;
    }
    return x;
}

/* cg: cg_betaincinv */
/* The x with I_x(a, b) = p. */
static inline double cg_betaincinv(double a, double b, double p)
{
    if (!(a > 0 && b > 0 && p >= 0 && p <= 1 && a < INFINITY && b < INFINITY))
        return NAN;
    if (p == 0 || p == 1)
        return p;
    double rest, x;
    if (p <= 0.5)
        return cg_betainc_root(a, b, p, &rest);
    rest = cg_betainc_root(b, a, 1.0 - p, &x);
    return x;
}
