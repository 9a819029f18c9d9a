/* Factors of complex matrices, whose real and imaginary parts are matrices of their own. See
 * cg_lapack.h for the conventions; LAPACK's complex numbers are pairs here. */
#pragma once
#include "cg_lapack.h"

/* cg: cg_pack_f64 */
/* The transpose of re + i im, m x n, of any strides, as pairs. */
static void cg_pack_f64(int64_t m, int64_t n, int64_t re_row, int64_t re_in_row, int64_t im_row,
                        int64_t im_in_row, const double *restrict re, const double *restrict im,
                        double *restrict to)
{
    for (int64_t j = 0; j < n; ++j)
        for (int64_t i = 0; i < m; ++i) {
            to[2 * (j * m + i)] = re[i * re_row + j * re_in_row];
            to[2 * (j * m + i) + 1] = im[i * im_row + j * im_in_row];
        }
}

/* cg: cg_pivots_f64 */
/* The pivots of an n x n matrix by elimination with interchanges of rows, n x 2: real parts and
 * imaginary ones. Their product is the determinant: each interchange changes a sign. a is for its
 * use. */
static void cg_pivots_f64(const cg_rt *rt, int64_t n, int64_t re_row, int64_t re_in_row,
                          int64_t im_row, int64_t im_in_row, int64_t ld, const double *re,
                          const double *im, double *restrict out, double *restrict a)
{
    (void)rt;
    cg_pack_f64(n, n, re_row, re_in_row, im_row, im_in_row, re, im, a);
    for (int64_t i = 0; i < n; ++i) {
        int64_t best = i;
        for (int64_t r = i + 1; r < n; ++r) {
            const double *x = a + 2 * (r * n + i), *y = a + 2 * (best * n + i);
            if (fabs(x[0]) + fabs(x[1]) > fabs(y[0]) + fabs(y[1])) best = r;
        }
        for (int64_t j = 0; j < 2 * n && best != i; ++j) {
            const double held = a[2 * i * n + j];
            a[2 * i * n + j] = a[2 * best * n + j];
            a[2 * best * n + j] = held;
        }
        const double x = a[2 * (i * n + i)], y = a[2 * (i * n + i) + 1];
        out[i * ld] = best == i ? x : -x;
        out[i * ld + 1] = best == i ? y : -y;
        if (x == 0 && y == 0) continue;
        /* the larger part divides the other (R. L. Smith, "Algorithm 116", 1962) */
        const int flat = fabs(x) >= fabs(y);
        const double ratio = flat ? y / x : x / y;
        const double scale = flat ? x + y * ratio : x * ratio + y;
        for (int64_t r = i + 1; r < n; ++r) {
            const double p = a[2 * (r * n + i)], q = a[2 * (r * n + i) + 1];
            const double u = (flat ? p + q * ratio : p * ratio + q) / scale;
            const double v = (flat ? q - p * ratio : q * ratio - p) / scale;
            for (int64_t j = i + 1; j < n; ++j) {
                const double s = a[2 * (i * n + j)], t = a[2 * (i * n + j) + 1];
                a[2 * (r * n + j)] -= u * s - v * t;
                a[2 * (r * n + j) + 1] -= u * t + v * s;
            }
        }
    }
}

/* cg: cg_heevd_f64_lapack needs lapack[16] zheevd_ */
/* zheevd_: eigenvalues and eigenvectors of a Hermitian matrix, by divide and conquer. */
typedef void (*cg_heevd_f64_lapack)(const char *job, const char *triangle, const int64_t *n,
                                    double *a, const int64_t *lda, double *w, double *work,
                                    const int64_t *lwork, double *rwork, const int64_t *lrwork,
                                    int64_t *iwork, const int64_t *liwork, int64_t *info,
                                    size_t job_length, size_t length);

/* cg: cg_hermitian_eigh_f64 */
/* Eigenvectors as columns, their real parts, beside these the imaginary ones, and in the last
 * column the eigenvalues, ascending, of a Hermitian matrix of which the lower triangle is read;
 * n x (2 n + 1). a, w, work, rwork and iwork are for its use. */
static void cg_hermitian_eigh_f64(const cg_rt *rt, int64_t n, int64_t re_row, int64_t re_in_row,
                                  int64_t im_row, int64_t im_in_row, int64_t ld, int64_t lwork,
                                  int64_t lrwork, int64_t liwork, const double *re,
                                  const double *im, double *restrict out, double *restrict a,
                                  double *restrict w, double *restrict work,
                                  double *restrict rwork, int64_t *restrict iwork)
{
    const cg_heevd_f64_lapack heevd = (cg_heevd_f64_lapack)rt->lapack[16];
    int64_t info = 1;
    cg_pack_f64(n, n, re_row, re_in_row, im_row, im_in_row, re, im, a);
    for (int64_t j = 0; j < n; ++j)
        for (int64_t i = 0; i < 2 * j; ++i) a[2 * j * n + i] = 0;
    if (n > 0 && heevd != NULL && cg_finite_f64(2 * n * n, a)) {
        cg_hold(rt, 1);
        heevd("V", "L", &n, a, &n, w, work, &lwork, rwork, &lrwork, iwork, &liwork, &info, 1, 1);
        cg_hold(rt, 0);
    }
    if (info != 0) {
        cg_all_nan_f64(n, 2 * n + 1, ld, out);
        return;
    }
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) {
            out[i * ld + j] = a[2 * (j * n + i)];
            out[i * ld + n + j] = a[2 * (j * n + i) + 1];
        }
        out[i * ld + 2 * n] = w[i];
    }
}

/* cg: cg_cgeqrf_f64_lapack needs lapack[18] zgeqrf_ */
/* zgeqrf_: R, with a real diagonal, and Q as reflections. */
typedef void (*cg_cgeqrf_f64_lapack)(const int64_t *m, const int64_t *n, double *a,
                                     const int64_t *lda, double *tau, double *work,
                                     const int64_t *lwork, int64_t *info);

/* cg: cg_ungqr_f64_lapack needs lapack[20] zungqr_ */
/* zungqr_: the first columns of Q from the reflections. */
typedef void (*cg_ungqr_f64_lapack)(const int64_t *m, const int64_t *n, const int64_t *k, double *a,
                                    const int64_t *lda, const double *tau, double *work,
                                    const int64_t *lwork, int64_t *info);

/* cg: cg_complex_qr_f64 */
/* A = Q R, m x n: the real part of Q, the imaginary one, and below these those of R^T; of k
 * columns, k the smaller of m and n. t, tau and work are for its use. */
static void cg_complex_qr_f64(const cg_rt *rt, int64_t m, int64_t n, int64_t k, int64_t re_row,
                              int64_t re_in_row, int64_t im_row, int64_t im_in_row, int64_t ld,
                              int64_t lwork, const double *re, const double *im,
                              double *restrict out, double *restrict t, double *restrict tau,
                              double *restrict work)
{
    const cg_cgeqrf_f64_lapack geqrf = (cg_cgeqrf_f64_lapack)rt->lapack[18];
    const cg_ungqr_f64_lapack ungqr = (cg_ungqr_f64_lapack)rt->lapack[20];
    int64_t info = 1;
    cg_pack_f64(m, n, re_row, re_in_row, im_row, im_in_row, re, im, t);
    if (k > 0 && geqrf != NULL && ungqr != NULL) {
        cg_hold(rt, 1);
        geqrf(&m, &n, t, &m, tau, work, &lwork, &info);
        cg_hold(rt, 0);
    }
    if (info != 0) {
        cg_all_nan_f64(2 * (m + n), k, ld, out);
        return;
    }
    for (int64_t j = 0; j < n; ++j)
        for (int64_t c = 0; c < k; ++c)
            for (int64_t p = 0; p < 2; ++p)
                out[(2 * m + p * n + j) * ld + c] = c <= j ? t[2 * (j * m + c) + p] : 0;
    cg_hold(rt, 1);
    ungqr(&m, &k, &k, t, &m, tau, work, &lwork, &info);
    cg_hold(rt, 0);
    for (int64_t i = 0; i < m; ++i)
        for (int64_t c = 0; c < k; ++c)
            for (int64_t p = 0; p < 2; ++p) out[(p * m + i) * ld + c] = t[2 * (c * m + i) + p];
}

/* cg: cg_geev_f64_lapack needs lapack[22] zgeev_ */
/* zgeev_: eigenvalues and eigenvectors of any matrix, by QR iterations. */
typedef void (*cg_geev_f64_lapack)(const char *left, const char *right, const int64_t *n, double *a,
                                   const int64_t *lda, double *w, double *vl, const int64_t *ldvl,
                                   double *vr, const int64_t *ldvr, double *work,
                                   const int64_t *lwork, double *rwork, int64_t *info,
                                   size_t left_length, size_t right_length);

/* cg: cg_eig_f64 */
/* Eigenvectors of length 1 as columns, their real parts, beside these the imaginary ones, and in
 * the last two columns the parts of the eigenvalues; n x (2 n + 2). a, v, w, work and rwork are for
 * its use. */
static void cg_eig_f64(const cg_rt *rt, int64_t n, int64_t re_row, int64_t re_in_row,
                       int64_t im_row, int64_t im_in_row, int64_t ld, int64_t lwork,
                       const double *re, const double *im, double *restrict out,
                       double *restrict a, double *restrict v, double *restrict w,
                       double *restrict work, double *restrict rwork)
{
    const cg_geev_f64_lapack geev = (cg_geev_f64_lapack)rt->lapack[22];
    int64_t info = 1;
    cg_pack_f64(n, n, re_row, re_in_row, im_row, im_in_row, re, im, a);
    if (n > 0 && geev != NULL && cg_finite_f64(2 * n * n, a)) {
        cg_hold(rt, 1);
        geev("N", "V", &n, a, &n, w, NULL, &n, v, &n, work, &lwork, rwork, &info, 1, 1);
        cg_hold(rt, 0);
    }
    if (info != 0) {
        cg_all_nan_f64(n, 2 * n + 2, ld, out);
        return;
    }
    for (int64_t i = 0; i < n; ++i)
        for (int64_t p = 0; p < 2; ++p) {
            for (int64_t j = 0; j < n; ++j) out[i * ld + p * n + j] = v[2 * (j * n + i) + p];
            out[i * ld + 2 * n + p] = w[2 * i + p];
        }
}
