/* The product with W by rows, the gates in one vectorised loop with their derivatives, and the
   outer product that is the gradient.                                                           */
#include "reference.h"
#include "maths.h"

static void gradient(int64_t h, int64_t d, const double *restrict W, const double *restrict b,
                     const double *restrict x, const double *restrict state,
                     const double *restrict cell, double *restrict gW, double *restrict gb,
                     double *restrict in)
{
    for (int64_t j = 0; j < d; ++j)
        in[j] = x[j];
    for (int64_t j = 0; j < h; ++j)
        in[d + j] = state[j];
    const int64_t m = d + h;
    for (int64_t i = 0; i < 4 * h; ++i) {
        double s = 0.0;
#pragma omp simd reduction(+ : s)
        for (int64_t j = 0; j < m; ++j)
            s += W[i * m + j] * in[j];
        gb[i] = s + b[i];
    }
    double *restrict gi = gb, *restrict gf = gb + h, *restrict go = gb + 2 * h,
                     *restrict gg = gb + 3 * h;
#pragma omp simd
    for (int64_t k = 0; k < h; ++k) {
        const double ei = exp(-fabs(gi[k])), ef = exp(-fabs(gf[k])), eo = exp(-fabs(go[k]));
        const double ri = 1.0 / (1.0 + ei), rf = 1.0 / (1.0 + ef), ro = 1.0 / (1.0 + eo);
        const double i = gi[k] >= 0.0 ? ri : ei * ri, f = gf[k] >= 0.0 ? rf : ef * rf,
                     o = go[k] >= 0.0 ? ro : eo * ro, g = tanh(gg[k]);
        const double t = tanh(f * cell[k] + i * g), out = o * t;
        const double d_new = 2.0 * out * o * (1.0 - t * t);
        gi[k] = d_new * g * (ei * ri * ri);
        gf[k] = d_new * cell[k] * (ef * rf * rf);
        go[k] = 2.0 * out * t * (eo * ro * ro);
        gg[k] = d_new * i * (1.0 - g * g);
    }
    for (int64_t i = 0; i < 4 * h; ++i) {
        const double s = gb[i];
#pragma omp simd
        for (int64_t j = 0; j < m; ++j)
            gW[i * m + j] = s * in[j];
    }
}

static int64_t scratch(const int64_t *n) { return n[1]; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    gradient(n[4], n[3], in[0], in[1], in[2], in[3], in[4], out[0], out[1], work);
}
