/* Draws by rejection. Attempt t of element i reads the words of the counter (i, t, d, lane), so an
 * element depends on no other; see cg_random.h. All have acceptance rates above 1/2
 * (hypergeometric: 1/3), so 1000 are never used up: then, and for parameters without a
 * distribution, the result is nan, or INT64_MIN of integers.
 *
 * Probabilities are computed by their distance from the mode (C. Loader, "Fast and accurate
 * computation of binomial probabilities", 2000), which loses nothing for large parameters. */
#pragma once
#include "cg_arc.h"
#include "cg_gamma.h"
#include "cg_math.h"
#include "cg_random.h"

#include <math.h>
#include <stdint.h>

/* cg: cg_attempts */
enum { cg_attempts = 1000 };

/* cg: cg_too_many */
/* Counts from here on are not exact as doubles. */
static const double cg_too_many = 0x1p53;

/* cg: cg_gamma_of_one */
/* A gamma number of shape a >= 1: G. Marsaglia and W. W. Tsang, "A simple method for generating
 * gamma variables", ACM TOMS 26, 2000. The third word of the attempt is left in spare. */
static double cg_gamma_of_one(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane, int64_t i,
                              double a, uint64_t *spare)
{
    const double b = a - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * b);
    for (uint64_t t = 1; t <= cg_attempts; ++t) {
        const cg_words words = cg_philox(key0, key1, (uint64_t)i, t, d, lane);
        const double x = cg_normal_quantile(cg_inside(words.w[0])), root = 1.0 + c * x;
        if (root <= 0.0) continue;
        const double v = root * root * root;
        if (cg_log(cg_inside(words.w[1])) < 0.5 * x * x + b * (1.0 - v + cg_log(v))) {
            *spare = words.w[2];
            return b * v;
        }
    }
    return NAN;
}

/* cg: cg_random_log_gamma */
/* The logarithm of a gamma number of shape a > 0, which itself may be too small for a double: below
 * shape 1 log x = log y + log(u) / a with y of shape a + 1. */
static double cg_random_log_gamma(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                  int64_t i, double a)
{
    if (!(a > 0.0 && a < INFINITY)) return NAN;
    uint64_t spare = 0;
    const double x = cg_gamma_of_one(key0, key1, d, lane, i, a < 1.0 ? a + 1.0 : a, &spare);
    return cg_log(x) + (a < 1.0 ? cg_log(cg_inside(spare)) / a : 0.0);
}

/* cg: cg_random_gamma */
static double cg_random_gamma(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane, int64_t i,
                              double a)
{
    if (!(a > 0.0 && a < INFINITY)) return a == 0.0 ? 0.0 : NAN;
    uint64_t spare = 0;
    const double x = cg_gamma_of_one(key0, key1, d, lane, i, a < 1.0 ? a + 1.0 : a, &spare);
    return a < 1.0 ? x * cg_exp(cg_log(cg_inside(spare)) / a) : x;
}

/* cg: cg_random_vonmises */
/* An angle around 0 with concentration k: D. J. Best and N. I. Fisher, "Efficient simulation of the
 * von Mises distribution", Applied Statistics 28, 1979. From 1e6 on it is a normal number. */
static double cg_random_vonmises(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane, int64_t i,
                                 double k)
{
    const double pi = 0x1.921fb54442d18p+1;
    if (!(k >= 0.0)) return NAN;
    const cg_words first = cg_philox(key0, key1, (uint64_t)i, 0, d, lane);
    if (k < 1e-8) return pi * (2.0 * cg_inside(first.w[0]) - 1.0);
    if (k > 1e6) return cg_normal_quantile(cg_inside(first.w[0])) / sqrt(k);
    const double r = 1.0 + sqrt(1.0 + 4.0 * k * k), rho = (r - sqrt(2.0 * r)) / (2.0 * k);
    const double s = k < 1e-5 ? 1.0 / k + k : (1.0 + rho * rho) / (2.0 * rho);
    for (uint64_t t = 1; t <= cg_attempts; ++t) {
        const cg_words words = cg_philox(key0, key1, (uint64_t)i, t, d, lane);
        const double z = cg_cos(pi * cg_inside(words.w[0])), v = cg_inside(words.w[1]);
        const double w = (1.0 + s * z) / (s + z), y = k * (s - w);
        if (y * (2.0 - y) >= v || cg_log(y / v) + 1.0 >= y) {
            const double angle = cg_acos(fmin(fmax(w, -1.0), 1.0));
            return words.w[2] >> 63 ? angle : -angle;
        }
    }
    return NAN;
}

/* cg: cg_stirling_of_count */
/* log k! - (k + 1/2) log k + k - log(2 pi)/2 for k = 1, 2, ... */
static double cg_stirling_of_count(double k)
{
    if (k >= 10.0) return cg_stirling(k);
    return cg_gammaln_positive(k + 1.0) - (k + 0.5) * cg_log(k) + k - 0x1.d67f1c864beb4p-1;
}

/* cg: cg_deviance */
/* x log(x / m) + m - x for x, m > 0. */
static double cg_deviance(double x, double m)
{
    const double gap = x - m, v = gap / (x + m);
    if (fabs(v) >= 0.1) return x * cg_log(x / m) - gap;
    const double v2 = v * v;
    double term = 2.0 * x * v, sum = gap * v;
    for (int j = 3; j < 41; j += 2) {
        term *= v2;
        sum += term / j;
    }
    return sum;
}

/* cg: cg_log_poisson */
/* The logarithm of the probability of k. */
static double cg_log_poisson(double k, double mean)
{
    if (k == 0.0) return -mean;
    return -cg_stirling_of_count(k) - cg_deviance(k, mean)
           - 0.5 * cg_log(0x1.921fb54442d18p+2 * k);
}

/* cg: cg_log_binomial */
/* The logarithm of the probability of k among n trials of probability p, 0 < p < 1. */
static double cg_log_binomial(double k, double n, double p)
{
    const double q = 1.0 - p, rest = n - k;
    if (k == 0.0) return n * cg_log1p(-p);
    if (rest == 0.0) return n * cg_log(p);
    const double series = cg_stirling_of_count(n) - cg_stirling_of_count(k)
                          - cg_stirling_of_count(rest);
    const double width = 0x1.921fb54442d18p+2 * k * (rest / n);
    return series - cg_deviance(k, n * p) - cg_deviance(rest, n * q) - 0.5 * cg_log(width);
}

/* cg: cg_random_poisson */
/* Below mean 10 the sum of probabilities that exceeds u; above, PTRS of W. Hoermann, "The
 * transformed rejection method for generating Poisson random variables", Insurance: Math. Econ.
 * 12, 1993. */
static int64_t cg_random_poisson(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane, int64_t i,
                                 double mean)
{
    if (!(mean >= 0.0 && mean < cg_too_many)) return INT64_MIN;
    if (mean < 10.0) {
        const double u = cg_inside(cg_philox(key0, key1, (uint64_t)i, 1, d, lane).w[0]);
        double chance = cg_exp(-mean), sum = chance, k = 0.0;
        while (u > sum && (k < mean || chance > 1e-18)) {
            k += 1.0;
            chance *= mean / k;
            sum += chance;
        }
        return (int64_t)k;
    }
    const double b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b;
    const double scale = 1.1239 + 1.1328 / (b - 3.4), sure = 0.9277 - 3.6224 / (b - 2.0);
    for (uint64_t t = 1; t <= cg_attempts; ++t) {
        const cg_words words = cg_philox(key0, key1, (uint64_t)i, t, d, lane);
        const double u = cg_inside(words.w[0]) - 0.5, v = cg_inside(words.w[1]);
        const double edge = 0.5 - fabs(u), k = floor((2.0 * a / edge + b) * u + mean + 0.43);
        if (edge >= 0.07 && v <= sure) return (int64_t)k;
        if (k < 0.0 || (edge < 0.013 && v > edge)) continue;
        if (cg_log(v * scale / (a / (edge * edge) + b)) <= cg_log_poisson(k, mean))
            return (int64_t)k;
    }
    return INT64_MIN;
}

/* cg: cg_binomial_half */
/* For 0 < p <= 1/2. Below mean 10 the sum of probabilities that exceeds u; above, BTRS of
 * W. Hoermann, "The generation of binomial random variates", J. Stat. Comput. Simul. 46, 1993. */
static double cg_binomial_half(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane, int64_t i,
                               double n, double p)
{
    const double q = 1.0 - p, mean = n * p;
    if (mean < 10.0) {
        const double u = cg_inside(cg_philox(key0, key1, (uint64_t)i, 1, d, lane).w[0]);
        double chance = cg_exp(n * cg_log1p(-p)), sum = chance, k = 0.0;
        while (u > sum && k < n && (k < mean || chance > 1e-18)) {
            k += 1.0;
            chance *= p / q * ((n - k + 1.0) / k);
            sum += chance;
        }
        return k;
    }
    const double spread = sqrt(mean * q), b = 1.15 + 2.53 * spread;
    const double a = -0.0873 + 0.0248 * b + 0.01 * p, alpha = (2.83 + 5.1 / b) * spread;
    const double sure = 0.92 - 4.2 / b, mode = floor((n + 1.0) * p);
    for (uint64_t t = 1; t <= cg_attempts; ++t) {
        const cg_words words = cg_philox(key0, key1, (uint64_t)i, t, d, lane);
        const double u = cg_inside(words.w[0]) - 0.5, v = cg_inside(words.w[1]);
        const double edge = 0.5 - fabs(u), k = floor((2.0 * a / edge + b) * u + mean + 0.5);
        if (k < 0.0 || k > n) continue;
        if (edge >= 0.07 && v <= sure) return k;
        const double gap = cg_log_binomial(k, n, p) - cg_log_binomial(mode, n, p);
        if (cg_log(v * alpha / (a / (edge * edge) + b)) <= gap) return k;
    }
    return NAN;
}

/* cg: cg_random_binomial */
static int64_t cg_random_binomial(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                  int64_t i, int64_t n, double p)
{
    if (n < 0 || (double)n >= cg_too_many || !(p >= 0.0 && p <= 1.0)) return INT64_MIN;
    if (n == 0 || p == 0.0) return 0;
    if (p == 1.0) return n;
    const double least = p <= 0.5 ? p : 1.0 - p;
    const double k = cg_binomial_half(key0, key1, d, lane, i, (double)n, least);
    if (!(k >= 0.0)) return INT64_MIN;
    return p <= 0.5 ? (int64_t)k : n - (int64_t)k;
}

/* cg: cg_log_hypergeometric */
/* The logarithm of the probability of k marked ones among m of all, of which `marked` are. */
static double cg_log_hypergeometric(double k, double marked, double all, double m)
{
    const double p = m / all;
    return cg_log_binomial(k, marked, p) + cg_log_binomial(m - k, all - marked, p)
           - cg_log_binomial(m, all, p);
}

/* cg: cg_hypergeometric_half */
/* How many of m are marked, for m and `marked` at most half of all. Up to 20 the sum of
 * probabilities that exceeds u; above, HRUA of E. Stadlober, "The ratio of uniforms approach for
 * generating discrete random variates", J. Comput. Appl. Math. 31, 1990. */
static double cg_hypergeometric_half(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                     int64_t i, double marked, double all, double m)
{
    const double few = fmin(m, marked), many = fmax(m, marked);
    if (few <= 20.0) {
        const double u = cg_inside(cg_philox(key0, key1, (uint64_t)i, 1, d, lane).w[0]);
        double chance = 1.0, k = 0.0;
        for (double j = 0.0; j < few; j += 1.0) chance *= (all - many - j) / (all - j);
        for (double sum = chance; u > sum && k < few; sum += chance) {
            chance *= (many - k) * (few - k) / ((k + 1.0) * (all - many - few + k + 1.0));
            k += 1.0;
        }
        return k;
    }
    const double p = marked / all, centre = m * p + 0.5;
    const double spread = sqrt((all - m) * m * p * (1.0 - p) / (all - 1.0) + 0.5);
    const double h = 0x1.b72cd3f331398p+0 * spread + 0x1.cc3ebd3bc711ap-1;
    const double mode = floor((m + 1.0) * (marked + 1.0) / (all + 2.0));
    const double top = cg_log_hypergeometric(mode, marked, all, m);
    const double end = fmin(few + 1.0, floor(centre + 16.0 * spread));
    for (uint64_t t = 1; t <= cg_attempts; ++t) {
        const cg_words words = cg_philox(key0, key1, (uint64_t)i, t, d, lane);
        const double x = cg_inside(words.w[0]), y = cg_inside(words.w[1]);
        const double at = centre + h * (y - 0.5) / x;
        if (at < 0.0 || at >= end) continue;
        const double k = floor(at);
        if (2.0 * cg_log(x) <= cg_log_hypergeometric(k, marked, all, m) - top) return k;
    }
    return NAN;
}

/* cg: cg_random_hypergeometric */
/* How many good ones are among n, drawn without putting back from good and bad ones. */
static int64_t cg_random_hypergeometric(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                        int64_t i, int64_t good, int64_t bad, int64_t n)
{
    if (good < 0 || bad < 0 || n < 0) return INT64_MIN;
    const double all = (double)good + (double)bad;
    if (all >= cg_too_many || (double)n > all) return INT64_MIN;
    const int64_t marked = good < bad ? good : bad, left = good + bad - n;
    const int64_t m = n < left ? n : left;
    if (n == 0 || good == 0) return 0;
    if (left == 0 || bad == 0) return bad == 0 ? n : good;
    const double found =
        cg_hypergeometric_half(key0, key1, d, lane, i, (double)marked, all, (double)m);
    if (!(found >= 0.0)) return INT64_MIN;
    const int64_t k = good > bad ? m - (int64_t)found : (int64_t)found;
    return m < n ? good - k : k;
}
