/* d/dx (tanh(x) exp(-x^2) + log1p(x^2)) = exp(-x^2) (1 - tanh^2 - 2 x tanh) + 2 x / (1 + x^2), with
   e = exp(-2|x|), |tanh| = (1 - e) / (1 + e) and 1 - tanh^2 = 4 e / (1 + e)^2. The cancellation in
   1 - e does no harm here: x tanh(x) is added to a one where it is small.                        */
#include "reference.h"
#include "maths.h"

static void gradient(int64_t n, const double *restrict x, double *restrict out)
{
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
        const double v = x[i], a = fabs(v), sq = v * v;
        const double e = exp(-2.0 * a), r = 1.0 / (1.0 + e);
        out[i] = exp(-sq) * (4.0 * e * r * r - 2.0 * a * ((1.0 - e) * r)) + 2.0 * v / (1.0 + sq);
    }
}

static int64_t scratch(const int64_t *n) { (void)n; return 0; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    (void)work;
    gradient(n[0], in[0], out[0]);
}
