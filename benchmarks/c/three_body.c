/* The state and its twelve derivatives go through the steps together: row r of D has the derivatives
   of state component r, so all loops over derivatives are vectors of twelve. Each pair of bodies is
   visited once.                                                                                  */
#include "reference.h"

#include <math.h>

enum { N = 12, STEPS = 100 };
static const double DT = 0.01, SOFTENING = 1e-3;

static void slope(const double *restrict m, const double *restrict s, double D[restrict N][N],
                  double *restrict ds, double dD[restrict N][N])
{
    for (int r = 0; r < 6; ++r) {
        ds[r] = s[6 + r];
        ds[6 + r] = 0.0;
#pragma omp simd
        for (int k = 0; k < N; ++k) {
            dD[r][k] = D[6 + r][k];
            dD[6 + r][k] = 0.0;
        }
    }
    for (int i = 0; i < 3; ++i)
        for (int j = i + 1; j < 3; ++j) {
            const double x = s[2 * j] - s[2 * i], y = s[2 * j + 1] - s[2 * i + 1];
            const double inverse = 1.0 / (x * x + y * y + SOFTENING);
            const double p = inverse * sqrt(inverse), q = -3.0 * p * inverse;
            ds[6 + 2 * i] += m[j] * p * x;
            ds[7 + 2 * i] += m[j] * p * y;
            ds[6 + 2 * j] -= m[i] * p * x;
            ds[7 + 2 * j] -= m[i] * p * y;
            const double xx = p + q * x * x, xy = q * x * y, yy = p + q * y * y;
#pragma omp simd
            for (int k = 0; k < N; ++k) {
                const double dx = D[2 * j][k] - D[2 * i][k];
                const double dy = D[2 * j + 1][k] - D[2 * i + 1][k];
                const double ax = xx * dx + xy * dy, ay = xy * dx + yy * dy;
                dD[6 + 2 * i][k] += m[j] * ax;
                dD[7 + 2 * i][k] += m[j] * ay;
                dD[6 + 2 * j][k] -= m[i] * ax;
                dD[7 + 2 * j][k] -= m[i] * ay;
            }
        }
}

/* to = a + h * b, for a state and its derivatives */
static void advance(const double *restrict a, double A[restrict N][N], double h,
                    const double *restrict b, double B[restrict N][N], double *restrict to,
                    double T[restrict N][N])
{
    for (int r = 0; r < N; ++r) {
        to[r] = a[r] + h * b[r];
#pragma omp simd
        for (int k = 0; k < N; ++k)
            T[r][k] = A[r][k] + h * B[r][k];
    }
}

static void jacobian(const double *restrict m, const double *restrict first, double *restrict out)
{
    double s[N], a[N], b[N], c[N], d[N], u[N];
    double S[N][N], A[N][N], B[N][N], C[N][N], E[N][N], U[N][N];
    for (int r = 0; r < N; ++r) {
        s[r] = first[r];
        for (int k = 0; k < N; ++k)
            S[r][k] = r == k ? 1.0 : 0.0;
    }
    for (int t = 0; t < STEPS; ++t) {
        slope(m, s, S, a, A);
        advance(s, S, DT / 2, a, A, u, U);
        slope(m, u, U, b, B);
        advance(s, S, DT / 2, b, B, u, U);
        slope(m, u, U, c, C);
        advance(s, S, DT, c, C, u, U);
        slope(m, u, U, d, E);
        for (int r = 0; r < N; ++r) {
            s[r] += DT / 6 * (a[r] + 2.0 * b[r] + 2.0 * c[r] + d[r]);
#pragma omp simd
            for (int k = 0; k < N; ++k)
                S[r][k] += DT / 6 * (A[r][k] + 2.0 * B[r][k] + 2.0 * C[r][k] + E[r][k]);
        }
    }
    for (int r = 0; r < N; ++r)
        for (int k = 0; k < N; ++k)
            out[r * N + k] = S[r][k];
}

static int64_t scratch(const int64_t *n) { (void)n; return 0; }

static void run(const int64_t *n, void *const *in, double *const *out, double *work)
{
    (void)n;
    (void)work;
    jacobian(in[0], in[1], out[0]);
}
