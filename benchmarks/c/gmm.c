/* One pass over the data: for four points the standardised distances to all centres, which stay in
   the first cache, the responsibilities, and their part of the three gradients. With r the
   responsibilities and z = (x - mean) / scale: d logit = sum r - n softmax(logits),
   d mean = sum r z / scale, d log scale = sum r (z^2 - 1).                                      */
#include "reference.h"
#include "maths.h"

/* adds the part of `points` rows of X, at most four, to the three gradients */
static void add_points(int64_t K, int64_t d, int64_t points, const double *restrict means,
                       const double *restrict X, double *restrict g_logits,
                       double *restrict g_means, double *restrict g_scales,
                       const double *restrict inv, double *restrict z, double *restrict logp,
                       const double *restrict offset)
{
    const double *restrict x0 = X, *restrict x1 = X + d, *restrict x2 = X + 2 * d,
                           *restrict x3 = X + 3 * d;
    if (points < 4) /* the missing ones repeat the first and get the weight 0 */
        x1 = points > 1 ? x1 : x0, x2 = points > 2 ? x2 : x0, x3 = x0;
    for (int64_t k = 0; k < K; ++k) {
        const double *restrict c = means + k * d, *restrict f = inv + k * d;
        double *restrict to = z + 4 * k * d;
        double q0 = 0.0, q1 = 0.0, q2 = 0.0, q3 = 0.0;
#pragma omp simd reduction(+ : q0, q1, q2, q3)
        for (int64_t j = 0; j < d; ++j) {
            const double v0 = (x0[j] - c[j]) * f[j], v1 = (x1[j] - c[j]) * f[j],
                         v2 = (x2[j] - c[j]) * f[j], v3 = (x3[j] - c[j]) * f[j];
            to[j] = v0, to[d + j] = v1, to[2 * d + j] = v2, to[3 * d + j] = v3;
            q0 += v0 * v0, q1 += v1 * v1, q2 += v2 * v2, q3 += v3 * v3;
        }
        logp[k] = offset[k] - 0.5 * q0;
        logp[K + k] = offset[k] - 0.5 * q1;
        logp[2 * K + k] = offset[k] - 0.5 * q2;
        logp[3 * K + k] = offset[k] - 0.5 * q3;
    }
    for (int64_t p = 0; p < 4; ++p) {
        double *restrict r = logp + p * K, top = -INFINITY, sum = 0.0;
#pragma omp simd reduction(max : top)
        for (int64_t k = 0; k < K; ++k)
            top = r[k] > top ? r[k] : top;
#pragma omp simd reduction(+ : sum)
        for (int64_t k = 0; k < K; ++k) {
            r[k] = exp(r[k] - top);
            sum += r[k];
        }
        const double scale = p < points ? 1.0 / sum : 0.0;
        for (int64_t k = 0; k < K; ++k) {
            r[k] *= scale;
            g_logits[k] += r[k];
        }
    }
    for (int64_t k = 0; k < K; ++k) {
        const double *restrict v = z + 4 * k * d;
        const double a = logp[k], b = logp[K + k], c = logp[2 * K + k], e = logp[3 * K + k];
#pragma omp simd
        for (int64_t j = 0; j < d; ++j) {
            const double v0 = v[j], v1 = v[d + j], v2 = v[2 * d + j], v3 = v[3 * d + j];
            g_means[k * d + j] += a * v0 + b * v1 + c * v2 + e * v3;
            g_scales[k * d + j] += a * v0 * v0 + b * v1 * v1 + c * v2 * v2 + e * v3 * v3;
        }
    }
}

static void gradient(int64_t K, int64_t d, int64_t n, const double *restrict logits,
                     const double *restrict means, const double *restrict log_scales,
                     const double *restrict X, double *restrict g_logits,
                     double *restrict g_means, double *restrict g_scales, double *restrict inv,
                     double *restrict z, double *restrict logp, double *restrict offset)
{
    double top = -INFINITY, sum = 0.0;
#pragma omp simd
    for (int64_t j = 0; j < K * d; ++j) {
        inv[j] = exp(-log_scales[j]);
        g_means[j] = g_scales[j] = 0.0;
    }
    for (int64_t k = 0; k < K; ++k) {
        double s = 0.0;
#pragma omp simd reduction(+ : s)
        for (int64_t j = 0; j < d; ++j)
            s += log_scales[k * d + j];
        offset[k] = logits[k] - s; /* constants drop out of the responsibilities */
        g_logits[k] = 0.0;
    }
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        add_points(K, d, 4, means, X + i * d, g_logits, g_means, g_scales, inv, z, logp, offset);
    if (i < n)
        add_points(K, d, n - i, means, X + i * d, g_logits, g_means, g_scales, inv, z, logp, offset);
    top = -INFINITY;
    sum = 0.0;
    for (int64_t k = 0; k < K; ++k)
        top = logits[k] > top ? logits[k] : top;
    for (int64_t k = 0; k < K; ++k)
        sum += offset[k] = exp(logits[k] - top);
    for (int64_t k = 0; k < K; ++k) {
        for (int64_t j = 0; j < d; ++j) {
            g_means[k * d + j] *= inv[k * d + j];
            g_scales[k * d + j] -= g_logits[k];
        }
        g_logits[k] -= (double)n * offset[k] / sum;
    }
}

static int64_t scratch(const int64_t *n) { return 5 * n[1] * n[2] + 5 * n[0]; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    const int64_t K = n[0], d = n[2];
    gradient(K, d, n[5], in[0], in[1], in[2], in[3], out[0], out[1], out[2], work, work + K * d,
             work + 5 * K * d, work + 5 * K * d + 4 * K);
}
