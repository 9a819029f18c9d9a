/* The products by BLAS, everything between them in one pass over the rows. */
#include "reference.h"
#include "blas.h"
#include "maths.h"

#include <string.h>

static double value_and_gradients(int64_t d, int64_t h, int64_t k, int64_t n,
                                  const double *restrict W, const double *restrict b,
                                  const double *restrict V, const double *restrict c,
                                  const double *restrict X, const int64_t *restrict y,
                                  double *restrict gW, double *restrict gb, double *restrict gV,
                                  double *restrict gc, double *restrict A, double *restrict P,
                                  double *restrict B)
{
    double value = 0.0;
    for (int64_t i = 0; i < n; ++i)
        memcpy(A + i * h, b, (size_t)h * sizeof *b);
    scipy_cblas_dgemm64_(ROW_MAJOR, NO_TRANS, NO_TRANS, n, h, d, 1.0, X, d, W, h, 1.0, A, h);
#pragma omp simd
    for (int64_t i = 0; i < n * h; ++i)
        A[i] = tanh(A[i]);
    for (int64_t i = 0; i < n; ++i)
        memcpy(P + i * k, c, (size_t)k * sizeof *c);
    scipy_cblas_dgemm64_(ROW_MAJOR, NO_TRANS, NO_TRANS, n, k, h, 1.0, A, h, V, k, 1.0, P, k);
    for (int64_t j = 0; j < k; ++j)
        gc[j] = 0.0;
    const double scale = 1.0 / (double)n;
    for (int64_t i = 0; i < n; ++i) {
        double *restrict p = P + i * k, top = -INFINITY, sum = 0.0;
        const double chosen = p[y[i]];
        for (int64_t j = 0; j < k; ++j)
            top = p[j] > top ? p[j] : top;
#pragma omp simd reduction(+ : sum)
        for (int64_t j = 0; j < k; ++j) {
            p[j] = exp(p[j] - top);
            sum += p[j];
        }
        value += top + log(sum) - chosen;
        const double weight = scale / sum;
        for (int64_t j = 0; j < k; ++j)
            p[j] *= weight;
        p[y[i]] -= scale;
        for (int64_t j = 0; j < k; ++j)
            gc[j] += p[j];
    }
    scipy_cblas_dgemm64_(ROW_MAJOR, TRANS, NO_TRANS, h, k, n, 1.0, A, h, P, k, 0.0, gV, k);
    scipy_cblas_dgemm64_(ROW_MAJOR, NO_TRANS, TRANS, n, h, k, 1.0, P, k, V, k, 0.0, B, h);
    for (int64_t j = 0; j < h; ++j)
        gb[j] = 0.0;
    for (int64_t i = 0; i < n; ++i)
#pragma omp simd
        for (int64_t j = 0; j < h; ++j) {
            const double a = A[i * h + j];
            const double z = B[i * h + j] * (1.0 - a * a);
            B[i * h + j] = z;
            gb[j] += z;
        }
    scipy_cblas_dgemm64_(ROW_MAJOR, TRANS, NO_TRANS, d, h, n, 1.0, X, d, B, h, 0.0, gW, h);
    return value * scale;
}

static int64_t scratch(const int64_t *n) { return n[6] * (2 * n[1] + n[4]); }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    const int64_t d = n[0], h = n[1], k = n[4], rows = n[6];
    *out[0] = value_and_gradients(d, h, k, rows, in[0], in[1], in[2], in[3], in[4], in[5], out[1],
                                  out[2], out[3], out[4], work, work + 2 * rows * h,
                                  work + rows * h);
}
