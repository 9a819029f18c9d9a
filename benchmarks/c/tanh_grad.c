/* d/dx (tanh(x) exp(-x^2) + log1p(x^2)) = exp(-x^2) (1 - tanh^2 - 2 x tanh) + 2 x / (1 + x^2).
   Where 1 - tanh^2 cancels it is multiplied by exp(-x^2) and added to larger terms; one pair of
   elementary functions is what remains.                                                         */
#include "reference.h"
#include "maths.h"

static void gradient(int64_t n, const double *restrict x, double *restrict out)
{
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
        const double v = x[i], sq = v * v, bell = exp(-sq), t = tanh(v);
        out[i] = bell * ((1.0 - t * t) - 2.0 * v * t) + 2.0 * v / (1.0 + sq);
    }
}

static int64_t scratch(const int64_t *n) { (void)n; return 0; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    (void)work;
    gradient(n[0], in[0], out[0]);
}
