/* Blocks of rows that stay in the first cache: products, then vectorised functions of the block's
   margins, then the block's part of the gradient.                                               */
#include "reference.h"
#include "maths.h"

enum { ROWS = 64 };

static double value_and_gradient(int64_t d, int64_t n, const double *restrict w,
                                 const double *restrict X, const double *restrict y,
                                 double *restrict g)
{
    double value = 0.0;
    for (int64_t j = 0; j < d; ++j)
        g[j] = 0.0;
    for (int64_t start = 0; start < n; start += ROWS) {
        const int64_t rows = n - start < ROWS ? n - start : ROWS;
        const double *restrict A = X + start * d;
        double z[ROWS];
        for (int64_t i = 0; i < rows; ++i) {
            double s = 0.0;
#pragma omp simd reduction(+ : s)
            for (int64_t j = 0; j < d; ++j)
                s += A[i * d + j] * w[j];
            z[i] = s;
        }
#pragma omp simd reduction(+ : value)
        for (int64_t i = 0; i < rows; ++i) {
            const double v = z[i], e = exp(-fabs(v));
            value += (v > 0.0 ? v : 0.0) + log1p(e) - y[start + i] * v;
            z[i] = (v >= 0.0 ? 1.0 : e) / (1.0 + e) - y[start + i];
        }
        int64_t i = 0;
        for (; i + 4 <= rows; i += 4) { /* four rows for each time the gradient is loaded */
            const double *restrict r = A + i * d;
#pragma omp simd
            for (int64_t j = 0; j < d; ++j)
                g[j] += z[i] * r[j] + z[i + 1] * r[d + j] + z[i + 2] * r[2 * d + j] +
                        z[i + 3] * r[3 * d + j];
        }
        for (; i < rows; ++i)
            for (int64_t j = 0; j < d; ++j)
                g[j] += z[i] * A[i * d + j];
    }
    return value;
}

static int64_t scratch(const int64_t *n) { (void)n; return 0; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    (void)work;
    *out[0] = value_and_gradient(n[0], n[1], in[0], in[1], in[2], out[1]);
}
