/* With a = K^-1 y the gradient is half the sum over K^-1 - a a' times dK, and dK needs the lower
   triangle only; LAPACK factorises and inverts in place (its "U" is our lower triangle).         */
#include "reference.h"
#include "blas.h"
#include "maths.h"

static void gradient(int64_t n, int64_t d, const double *restrict theta, const double *restrict X,
                     const double *restrict y, double *restrict g, double *restrict K,
                     double *restrict U, double *restrict a, double *restrict Xt)
{
    const double inverse = sqrt(5.0) * exp(-theta[0]);
    const double scale = exp(2.0 * theta[1]), noise = exp(2.0 * theta[2]);
    for (int64_t i = 0; i < n; ++i)
        for (int64_t k = 0; k < d; ++k)
            Xt[k * n + i] = X[i * d + k];
    for (int64_t i = 0; i < n; ++i) {
        double *restrict u = U + i * n;
        for (int64_t j = 0; j <= i; ++j)
            u[j] = 0.0;
        for (int64_t k = 0; k < d; ++k)
#pragma omp simd
            for (int64_t j = 0; j <= i; ++j) {
                const double diff = Xt[k * n + i] - Xt[k * n + j];
                u[j] += diff * diff;
            }
#pragma omp simd
        for (int64_t j = 0; j <= i; ++j) {
            const double v = inverse * sqrt(u[j]), e = scale * exp(-v);
            K[i * n + j] = (1.0 + v + v * v / 3.0) * e;
            u[j] = e * v * v * (1.0 + v) / 3.0; /* derivative by the logarithm of the length */
        }
        K[i * n + i] += noise;
        a[i] = y[i];
    }
    /* sums over K^-1 * kernel: kernel = K - noise I, so the trace is n - noise tr(K^-1) */
    const int64_t one = 1;
    int64_t info = 0;
    scipy_dpotrf_64_("U", &n, K, &n, &info, 1);
    scipy_dpotrs_64_("U", &n, &one, K, &n, a, &n, &info, 1);
    scipy_dpotri_64_("U", &n, K, &n, &info, 1);
    double by_length = 0.0, trace = 0.0, norm = 0.0, inner = 0.0;
    for (int64_t i = 0; i < n; ++i) {
        double s = 0.0;
#pragma omp simd reduction(+ : s)
        for (int64_t j = 0; j < i; ++j)
            s += (K[i * n + j] - a[i] * a[j]) * U[i * n + j];
        by_length += s;
        trace += K[i * n + i];
        norm += a[i] * a[i];
        inner += a[i] * y[i];
    }
    g[0] = by_length;
    g[1] = ((double)n - noise * trace) - (inner - noise * norm);
    g[2] = noise * (trace - norm);
}

static int64_t scratch(const int64_t *n) { return 2 * n[1] * n[1] + n[1] * (n[2] + 1); }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    const int64_t m = n[1];
    gradient(m, n[2], in[0], in[1], in[2], out[0], work, work + m * m, work + 2 * m * m,
             work + 2 * m * m + m);
}
