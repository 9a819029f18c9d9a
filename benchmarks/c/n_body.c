/* Blocks of 3 x 3: those off the diagonal are symmetric, those on it minus the sum of their row. */
#include "reference.h"

#include <math.h>
#include <string.h>

static void jacobian(int64_t n, const double *restrict q, const double *restrict m,
                     double *restrict J)
{
    for (int64_t i = 0; i < n; ++i) {
        double own[9] = {0.0};
        double *restrict rows = J + 9 * n * i;
        for (int64_t j = 0; j < n; ++j) {
            double d[3], square = 0.01;
            for (int64_t k = 0; k < 3; ++k) {
                d[k] = q[3 * j + k] - q[3 * i + k];
                square += d[k] * d[k];
            }
            const double inverse = 1.0 / square;
            const double scale = m[j] * inverse * sqrt(inverse);
            for (int64_t a = 0; a < 3; ++a)
                for (int64_t b = 0; b < 3; ++b) {
                    const double v = scale * ((a == b) - 3.0 * inverse * d[a] * d[b]);
                    rows[3 * n * a + 3 * j + b] = v;
                    own[3 * a + b] -= j == i ? 0.0 : v;
                }
        }
        for (int64_t a = 0; a < 3; ++a)
            memcpy(rows + 3 * n * a + 3 * i, own + 3 * a, 3 * sizeof *own);
    }
}

static int64_t scratch(const int64_t *n) { (void)n; return 0; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    (void)work;
    jacobian(n[0], in[0], in[1], out[0]);
}
