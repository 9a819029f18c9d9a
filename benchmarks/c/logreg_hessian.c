/* X' diag(s) X with s = sigmoid'(X w). Blocks of rows are copied with their length rounded up to
   whole vectors, once as they are and once times s; four rows of a panel of the lower triangle then
   stay in registers while a block is read. (A symmetric product of OpenBLAS took half as long again
   for 20 columns.)                                                                                */
#include "reference.h"
#include "maths.h"

enum { ROWS = 64, WIDTH = 8 };
typedef double vector __attribute__((vector_size(8 * WIDTH)));

static void hessian(int64_t d, int64_t n, const double *restrict w, const double *restrict X,
                    double *restrict H, double *restrict P, double *restrict S, double *restrict G)
{
    const int64_t width = (d + WIDTH - 1) / WIDTH * WIDTH;
    for (int64_t k = 0; k < width * width; ++k)
        G[k] = 0.0;
    for (int64_t k = 0; k < ROWS * width; ++k)
        P[k] = S[k] = 0.0;
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
        for (int64_t i = 0; i < rows; ++i)
#pragma omp simd
            for (int64_t j = 0; j < d; ++j) {
                P[i * width + j] = A[i * d + j];
                S[i * width + j] = s[i] * A[i * d + j];
            }
        for (int64_t k = 0; k < d; k += 4)
            for (int64_t j = 0; j <= k + 3; j += WIDTH) {
                vector a = {0}, b = {0}, c = {0}, e = {0};
                for (int64_t i = 0; i < rows; ++i) {
                    const vector p = *(const vector *)(P + i * width + j);
                    const double *restrict q = S + i * width + k;
                    a += q[0] * p;
                    b += q[1] * p;
                    c += q[2] * p;
                    e += q[3] * p;
                }
                *(vector *)(G + k * width + j) += a;
                *(vector *)(G + (k + 1) * width + j) += b;
                *(vector *)(G + (k + 2) * width + j) += c;
                *(vector *)(G + (k + 3) * width + j) += e;
            }
    }
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j)
            H[i * d + j] = H[j * d + i] = G[i * width + j];
}

static int64_t padded(const int64_t *n) { return (n[0] + WIDTH - 1) / WIDTH * WIDTH; }

static int64_t scratch(const int64_t *n) { return (2 * ROWS + padded(n)) * padded(n); }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    const int64_t block = ROWS * padded(n);
    hessian(n[0], n[1], in[0], in[1], out[0], work, work + block, work + 2 * block);
}
