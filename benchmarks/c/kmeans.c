/* Blocks of points, transposed so that the distances of a block to a centre are vectors; then sums
   and counts of the nearest: gradient 2 (count c - sum), Hessian 2 count.                        */
#include "reference.h"

#include <math.h>

enum { BLOCK = 32 };
typedef double vector __attribute__((vector_size(64)));

/* of a block of points to a centre; all sums stay in registers */
static void squared_distances(int64_t d, const double *restrict c, const vector *restrict T,
                              vector *restrict to)
{
    vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (int64_t j = 0; j < d; ++j) {
        const vector t0 = T[4 * j] - c[j], t1 = T[4 * j + 1] - c[j], t2 = T[4 * j + 2] - c[j],
                     t3 = T[4 * j + 3] - c[j];
        s0 += t0 * t0;
        s1 += t1 * t1;
        s2 += t2 * t2;
        s3 += t3 * t3;
    }
    to[0] = s0;
    to[1] = s1;
    to[2] = s2;
    to[3] = s3;
}

static void both(int64_t k, int64_t d, int64_t n, const double *restrict C,
                 const double *restrict X, double *restrict g, double *restrict h,
                 double *restrict T)
{
    for (int64_t j = 0; j < k * d; ++j)
        g[j] = h[j] = 0.0;
    for (int64_t start = 0; start < n; start += BLOCK) {
        const int64_t length = n - start < BLOCK ? n - start : BLOCK;
        double best[BLOCK];
        int64_t nearest[BLOCK];
        for (int64_t j = 0; j < d; ++j)
            for (int64_t i = 0; i < BLOCK; ++i) /* a short last block repeats its last point */
                T[j * BLOCK + i] = X[(start + (i < length ? i : length - 1)) * d + j];
        for (int64_t i = 0; i < BLOCK; ++i) {
            best[i] = INFINITY;
            nearest[i] = 0;
        }
        for (int64_t a = 0; a < k; ++a) {
            vector s[4] = {{0}};
            squared_distances(d, C + a * d, (const vector *)T, s);
            const double *restrict now = (const double *)s;
#pragma omp simd
            for (int64_t i = 0; i < BLOCK; ++i) {
                nearest[i] = now[i] < best[i] ? a : nearest[i];
                best[i] = now[i] < best[i] ? now[i] : best[i];
            }
        }
        for (int64_t i = 0; i < length; ++i) {
            double *restrict to = g + nearest[i] * d;
            h[nearest[i] * d] += 1.0;
            for (int64_t j = 0; j < d; ++j)
                to[j] += X[(start + i) * d + j];
        }
    }
    for (int64_t a = 0; a < k; ++a) {
        const double count = h[a * d];
        for (int64_t j = 0; j < d; ++j) {
            g[a * d + j] = 2.0 * (count * C[a * d + j] - g[a * d + j]);
            h[a * d + j] = 2.0 * count;
        }
    }
}

static int64_t scratch(const int64_t *n) { return BLOCK * n[1]; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    both(n[0], n[1], n[2], in[0], in[1], out[0], out[1], work);
}
