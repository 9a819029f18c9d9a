/* Products with W and its transpose both run along rows, four rows for each time the result is
   loaded, so nothing is summed across a vector; for the forward one W is transposed once. The
   outer products of the reverse pass are left for one product at the end.                       */
#include "reference.h"
#include "maths.h"

/* y += x' A, A of n by n */
static inline void add_rows(int64_t n, const double *restrict A, const double *restrict x,
                            double *restrict y)
{
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) {
        const double *restrict r = A + j * n;
        const double a = x[j], b = x[j + 1], c = x[j + 2], d = x[j + 3];
#pragma omp simd
        for (int64_t i = 0; i < n; ++i)
            y[i] += a * r[i] + b * r[n + i] + c * r[2 * n + i] + d * r[3 * n + i];
    }
    for (; j < n; ++j)
        for (int64_t i = 0; i < n; ++i)
            y[i] += x[j] * A[j * n + i];
}

static void gradient(int64_t n, int64_t steps, const double *restrict W, const double *restrict X,
                     const double *restrict h0, double *restrict g, double *restrict T,
                     double *restrict H, double *restrict Z, double *restrict dh)
{
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j)
            T[j * n + i] = W[i * n + j];
    for (int64_t i = 0; i < n; ++i)
        H[i] = h0[i];
    for (int64_t t = 0; t < steps; ++t) {
        double *restrict h = H + (t + 1) * n;
        for (int64_t i = 0; i < n; ++i)
            h[i] = X[t * n + i];
        add_rows(n, T, H + t * n, h);
#pragma omp simd
        for (int64_t i = 0; i < n; ++i)
            h[i] = tanh(h[i]);
    }
    for (int64_t i = 0; i < n; ++i)
        dh[i] = 2.0 * H[steps * n + i];
    for (int64_t t = steps - 1; t >= 0; --t) {
        const double *restrict h = H + (t + 1) * n;
        double *restrict z = Z + t * n;
        for (int64_t i = 0; i < n; ++i) {
            z[i] = dh[i] * (1.0 - h[i] * h[i]);
            dh[i] = 0.0;
        }
        add_rows(n, W, z, dh);
    }
    for (int64_t i = 0; i < n; ++i) {
        double *restrict row = g + i * n;
        for (int64_t j = 0; j < n; ++j)
            row[j] = 0.0;
        int64_t t = 0;
        for (; t + 4 <= steps; t += 4) {
            const double *restrict h = H + t * n, *restrict z = Z + t * n + i;
            const double a = z[0], b = z[n], c = z[2 * n], d = z[3 * n];
#pragma omp simd
            for (int64_t j = 0; j < n; ++j)
                row[j] += a * h[j] + b * h[n + j] + c * h[2 * n + j] + d * h[3 * n + j];
        }
        for (; t < steps; ++t)
            for (int64_t j = 0; j < n; ++j)
                row[j] += Z[t * n + i] * H[t * n + j];
    }
}

static int64_t scratch(const int64_t *n)
{
    return n[0] * n[0] + (2 * n[2] + 2) * n[0];
}

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    double *H = work + n[0] * n[0], *Z = H + (n[2] + 1) * n[0];
    gradient(n[0], n[2], in[0], in[1], in[2], out[0], work, H, Z, Z + n[2] * n[0]);
}
