/* X' diag(s) X with s = sigmoid'(X w). Four rows of the upper triangle at a time, each of their
   elements accumulated over a block of data in registers would need fixed sizes; here each row of
   data is applied to the lower triangle, four data rows at once, so that a loaded element of the
   Hessian gets four products.                                                                   */
#include "reference.h"
#include "maths.h"

enum { ROWS = 64 };

static void hessian(int64_t d, int64_t n, const double *restrict w, const double *restrict X,
                    double *restrict H)
{
    for (int64_t k = 0; k < d * d; ++k)
        H[k] = 0.0;
    for (int64_t start = 0; start < n; start += ROWS) {
        const int64_t rows = n - start < ROWS ? n - start : ROWS;
        const double *restrict A = X + start * d;
        double s[ROWS];
        for (int64_t i = 0; i < rows; ++i) {
            double z = 0.0;
#pragma omp simd reduction(+ : z)
            for (int64_t j = 0; j < d; ++j)
                z += A[i * d + j] * w[j];
            s[i] = z;
        }
#pragma omp simd
        for (int64_t i = 0; i < rows; ++i) {
            const double e = exp(-fabs(s[i]));
            s[i] = e / ((1.0 + e) * (1.0 + e));
        }
        int64_t i = 0;
        for (; i + 4 <= rows; i += 4) {
            const double *restrict r = A + i * d;
            for (int64_t k = 0; k < d; ++k) {
                const double a = s[i] * r[k], b = s[i + 1] * r[d + k],
                             c = s[i + 2] * r[2 * d + k], e = s[i + 3] * r[3 * d + k];
#pragma omp simd
                for (int64_t j = 0; j < d; ++j)
                    H[k * d + j] += a * r[j] + b * r[d + j] + c * r[2 * d + j] + e * r[3 * d + j];
            }
        }
        for (; i < rows; ++i)
            for (int64_t k = 0; k < d; ++k)
                for (int64_t j = 0; j < d; ++j)
                    H[k * d + j] += s[i] * A[i * d + k] * A[i * d + j];
    }
}

static int64_t scratch(const int64_t *n) { (void)n; return 0; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    (void)work;
    hessian(n[0], n[1], in[0], in[1], out[0]);
}
