/* d/dx 1 / (1 + exp(-x)) = e / (1 + e)^2 with e = exp(-|x|), which neither overflows nor cancels */
#include "reference.h"
#include "maths.h"

static void gradient(int64_t n, const double *restrict x, double *restrict out)
{
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
        const double e = exp(-fabs(x[i]));
        out[i] = e / ((1.0 + e) * (1.0 + e));
    }
}

static int64_t scratch(const int64_t *n) { (void)n; return 0; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    (void)work;
    gradient(n[0] * n[1], in[0], out[0]);
}
