/* The variance and its three derivatives are four recurrences side by side, each as long as the
   latency of a product and a sum; everything else is vectorised after them, block by block.      */
#include "reference.h"
#include "maths.h"

enum { BLOCK = 128 };

static double value_and_gradient(int64_t n, const double *restrict theta,
                                 const double *restrict r, double *restrict g)
{
    const double omega = theta[0], alpha = theta[1], beta = theta[2];
    double h = 0.0, d0 = 0.0, d1 = 0.0, d2 = 0.0, value = 0.0, g0 = 0.0, g1 = 0.0, g2 = 0.0;
#pragma omp simd reduction(+ : h)
    for (int64_t i = 0; i < n; ++i)
        h += r[i] * r[i];
    h /= (double)n;
    value = log(h) + r[0] * r[0] / h;
    for (int64_t start = 1; start < n; start += BLOCK) {
        const int64_t length = n - start < BLOCK ? n - start : BLOCK;
        double H[BLOCK], D0[BLOCK], D1[BLOCK], D2[BLOCK];
        for (int64_t i = 0; i < length; ++i) {
            const double past = r[start + i - 1] * r[start + i - 1];
            d0 = 1.0 + beta * d0;
            d1 = past + beta * d1;
            d2 = h + beta * d2;
            h = (omega + alpha * past) + beta * h;
            H[i] = h;
            D0[i] = d0;
            D1[i] = d1;
            D2[i] = d2;
        }
#pragma omp simd reduction(+ : value, g0, g1, g2)
        for (int64_t i = 0; i < length; ++i) {
            const double v = r[start + i], inv = 1.0 / H[i], q = v * v * inv;
            const double weight = (1.0 - q) * inv;
            value += log(H[i]) + q;
            g0 += weight * D0[i];
            g1 += weight * D1[i];
            g2 += weight * D2[i];
        }
    }
    g[0] = 0.5 * g0;
    g[1] = 0.5 * g1;
    g[2] = 0.5 * g2;
    return 0.5 * value;
}

static int64_t scratch(const int64_t *n) { (void)n; return 0; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    (void)work;
    *out[0] = value_and_gradient(n[1], in[0], in[1], out[1]);
}
