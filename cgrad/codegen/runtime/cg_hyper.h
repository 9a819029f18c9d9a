/* Gauss's hypergeometric function F(a, b; c; z) for z <= 1, and its slopes by a, b and c.
 *
 * The series (DLMF 15.2.1) up to |z| = 1/2. From 1/2 towards 1 the function is continued: its
 * Taylor series around a point, whose coefficients follow from the differential equation (DLMF
 * 15.10.1), leads halfway to the singularity at 1, again and again. Below -1/2 by Pfaff's
 * transformation (DLMF 15.8.1). Slopes go through the same recurrences, differentiated. One
 * element is computed at a time, float in double. */
#pragma once
#include "cg_gamma.h"
#include "cg_log.h"
#include "cg_pow.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_hyper */
/* F, its derivative by z, and the slopes of both by a, b, c. */
typedef struct {
    double f[4], fz[4];
} cg_hyper;

/* cg: cg_hyper_series */
/* The series around 0, of at most 10000 terms. */
static cg_hyper cg_hyper_series(double a, double b, double c, double z)
{
    cg_hyper sum = {{1.0, 0.0, 0.0, 0.0}, {0.0, 0.0, 0.0, 0.0}};
    double t[4] = {1.0, 0.0, 0.0, 0.0};
    int quiet = 0;
    for (double n = 0.0; n < 10000.0 && quiet < 3; n += 1.0) {
        const double up = (a + n) * (b + n), down = (c + n) * (n + 1.0), r = up / down;
        /* terms without their power of z first: z = 0 has a slope too */
        const double by[4] = {0.0, (b + n) / down, (a + n) / down, -r / (c + n)};
        for (int k = 3; k >= 0; --k) t[k] = k ? fma(t[k], r, t[0] * by[k]) : t[0] * r;
        bool small = true;
        for (int k = 0; k < 4; ++k) {
            sum.fz[k] += (n + 1.0) * t[k];
            t[k] *= z;
            sum.f[k] += t[k];
            small &= fabs(t[k]) <= 0x1p-56 * fabs(sum.f[k]);
        }
        quiet = small ? quiet + 1 : 0;
        if (up == 0.0 && t[1] == 0.0 && t[2] == 0.0) break;
    }
    return sum;
}

/* cg: cg_hyper_step */
/* Around the point 1 - d, the function at 1 - d + s. */
static cg_hyper cg_hyper_step(double a, double b, double c, double d, double s, cg_hyper from)
{
    const double z = 1.0 - d;
    /* coefficients with their powers of s, which neither overflow nor vanish */
    double f[4], g[4];
    cg_hyper sum = from;
    for (int k = 0; k < 4; ++k) {
        f[k] = from.f[k], g[k] = s * from.fz[k];
        sum.f[k] += g[k];
    }
    for (double n = 0.0; n < 200.0; n += 1.0) {
        const double lead = z * d * (n + 2.0) * (n + 1.0);
        const double mid = s * (n + 1.0) * ((2.0 * d - 1.0) * n + (c - (a + b + 1.0) * z));
        const double low = s * s * (a + n) * (b + n), own = s * z * (n + 1.0) * g[0];
        const double by[4] = {0.0, own + s * s * (b + n) * f[0], own + s * s * (a + n) * f[0],
                              -s * (n + 1.0) * g[0]};
        bool small = true;
        for (int k = 3; k >= 0; --k) {
            const double next = (low * f[k] - mid * g[k] + by[k]) / lead;
            const double slope = (n + 2.0) * next / s;
            f[k] = g[k], g[k] = next;
            sum.fz[k] += slope, sum.f[k] += next;
            small &= fabs(next) <= 0x1p-58 * fabs(sum.f[k]) &&
                     fabs(slope) <= 0x1p-58 * fabs(sum.fz[k]);
        }
        if (small && n > 4.0) break;
    }
    return sum;
}

/* cg: cg_hyper_upper */
/* F at 1 - rest, 0 < rest <= 1. */
static cg_hyper cg_hyper_upper(double a, double b, double c, double rest)
{
    if (rest >= 0.5) return cg_hyper_series(a, b, c, 1.0 - rest);
    cg_hyper now = cg_hyper_series(a, b, c, 0.5);
    for (double d = 0.5; d > rest;) {
        const double to = fmax(0.5 * d, rest);
        now = cg_hyper_step(a, b, c, d, d - to, now);
        d = to;
    }
    return now;
}

/* cg: cg_hyper_all */
/* F and its slopes by a, b, c; nan for z > 1 unless the series ends. */
static cg_hyper cg_hyper_all(double a, double b, double c, double z)
{
    const cg_hyper unknown = {{NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}};
    const bool ends = (a <= 0.0 && a == rint(a)) || (b <= 0.0 && b == rint(b));
    if (isnan(a) || isnan(b) || isnan(c) || isnan(z)) return unknown;
    if (z >= -0.5 && z < 1.0) return cg_hyper_upper(a, b, c, 1.0 - z);
    if (ends) {
        /* a polynomial; its slopes by a and b are not */
        cg_hyper sum = cg_hyper_series(a, b, c, z);
        if (z >= 1.0) {
            sum.f[1] = sum.f[2] = NAN;
            return sum;
        }
    }
    if (z > 1.0 || isinf(z)) return unknown;
    cg_hyper sum = unknown;
    if (z == 1.0) {
        const double gap = c - a - b;
        sum.f[0] = INFINITY;
        if (gap > 0.0) {
            const double up = cg_gamma(c) / cg_gamma(c - a), down = cg_gamma(gap) / cg_gamma(c - b);
            sum.f[0] = up * down;
        }
        return sum;
    }
    const cg_hyper turned = cg_hyper_upper(a, c - b, c, 1.0 / (1.0 - z));
    const double scale = cg_pow(1.0 - z, -a);
    sum.f[0] = scale * turned.f[0];
    sum.f[1] = scale * (turned.f[1] - cg_log1p(-z) * turned.f[0]);
    sum.f[2] = -scale * turned.f[2];
    sum.f[3] = scale * (turned.f[2] + turned.f[3]);
    return sum;
}

/* cg: cg_hyp2f1 */
static double cg_hyp2f1(double a, double b, double c, double z)
{
    return cg_hyper_all(a, b, c, z).f[0];
}

/* cg: cg_hyp2f1_a */
static double cg_hyp2f1_a(double a, double b, double c, double z)
{
    return cg_hyper_all(a, b, c, z).f[1];
}

/* cg: cg_hyp2f1_b */
static double cg_hyp2f1_b(double a, double b, double c, double z)
{
    return cg_hyper_all(a, b, c, z).f[2];
}

/* cg: cg_hyp2f1_c */
static double cg_hyp2f1_c(double a, double b, double c, double z)
{
    return cg_hyper_all(a, b, c, z).f[3];
}
