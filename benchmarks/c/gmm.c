/* One pass over the data: for each point the standardised distances to all centres, which stay in
   the first cache, the responsibilities, and their part of the three gradients. With r the
   responsibilities and z = (x - mean) / scale: d logit = sum r - n softmax(logits),
   d mean = sum r z / scale, d log scale = sum r (z^2 - 1).                                      */
#include "reference.h"
#include "maths.h"

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
    for (int64_t i = 0; i < n; ++i) {
        const double *restrict x = X + i * d;
        for (int64_t k = 0; k < K; ++k) {
            double q = 0.0;
#pragma omp simd reduction(+ : q)
            for (int64_t j = 0; j < d; ++j) {
                const double v = (x[j] - means[k * d + j]) * inv[k * d + j];
                z[k * d + j] = v;
                q += v * v;
            }
            logp[k] = offset[k] - 0.5 * q;
        }
        top = -INFINITY;
        sum = 0.0;
#pragma omp simd reduction(max : top)
        for (int64_t k = 0; k < K; ++k)
            top = logp[k] > top ? logp[k] : top;
#pragma omp simd reduction(+ : sum)
        for (int64_t k = 0; k < K; ++k) {
            logp[k] = exp(logp[k] - top);
            sum += logp[k];
        }
        sum = 1.0 / sum;
        for (int64_t k = 0; k < K; ++k) {
            const double r = logp[k] * sum;
            g_logits[k] += r;
#pragma omp simd
            for (int64_t j = 0; j < d; ++j) {
                const double v = z[k * d + j], rv = r * v;
                g_means[k * d + j] += rv;
                g_scales[k * d + j] += rv * v;
            }
        }
    }
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

static int64_t scratch(const int64_t *n) { return 2 * n[1] * n[2] + 2 * n[0]; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    const int64_t K = n[0], d = n[2];
    gradient(K, d, n[5], in[0], in[1], in[2], in[3], out[0], out[1], out[2], work, work + K * d,
             work + 2 * K * d, work + 2 * K * d + K);
}
