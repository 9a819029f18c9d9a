/* Four vectors of partial sums, so that no addition waits for the one before it. */
#include "reference.h"

static double total(int64_t n, const double *restrict x)
{
    double a = 0.0, b = 0.0, c = 0.0, d = 0.0;
    const int64_t quarter = n / 4;
#pragma omp simd reduction(+ : a, b, c, d)
    for (int64_t i = 0; i < quarter; ++i) {
        a += x[i] * x[i];
        b += x[quarter + i] * x[quarter + i];
        c += x[2 * quarter + i] * x[2 * quarter + i];
        d += x[3 * quarter + i] * x[3 * quarter + i];
    }
    for (int64_t i = 4 * quarter; i < n; ++i)
        a += x[i] * x[i];
    return (a + b) + (c + d);
}

static int64_t scratch(const int64_t *n) { (void)n; return 0; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    (void)work;
    *out[0] = total(n[0], in[0]);
}
