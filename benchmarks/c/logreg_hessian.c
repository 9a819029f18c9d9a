/* X' diag(s) X with s = sigmoid'(X w), all of it positive: the rows of X times sqrt(s), in blocks
   that stay in the cache, and a symmetric product of each.                                      */
#include "reference.h"
#include "blas.h"
#include "maths.h"

enum { ROWS = 512 };

static void hessian(int64_t d, int64_t n, const double *restrict w, const double *restrict X,
                    double *restrict H, double *restrict Y, double *restrict s)
{
    for (int64_t start = 0; start < n; start += ROWS) {
        const int64_t rows = n - start < ROWS ? n - start : ROWS;
        const double *restrict A = X + start * d;
        for (int64_t i = 0; i < rows; ++i) {
            double z = 0.0;
#pragma omp simd reduction(+ : z)
            for (int64_t j = 0; j < d; ++j)
                z += A[i * d + j] * w[j];
            s[i] = z;
        }
#pragma omp simd
        for (int64_t i = 0; i < rows; ++i) {
            const double e = exp(-0.5 * fabs(s[i]));
            s[i] = e / (1.0 + e * e);
        }
        for (int64_t i = 0; i < rows; ++i)
#pragma omp simd
            for (int64_t j = 0; j < d; ++j)
                Y[i * d + j] = s[i] * A[i * d + j];
        scipy_cblas_dsyrk64_(ROW_MAJOR, LOWER, TRANS, d, rows, 1.0, Y, d, start ? 1.0 : 0.0, H, d);
    }
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = i + 1; j < d; ++j)
            H[i * d + j] = H[j * d + i];
}

static int64_t scratch(const int64_t *n) { return ROWS * (n[0] + 1); }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    hessian(n[0], n[1], in[0], in[1], out[0], work, work + ROWS * n[0]);
}
