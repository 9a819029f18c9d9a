/* Factors of matrices and solves with them: loops for small ones, BLAS and LAPACK for the others.
 *
 * Matrices are row-major, their rows `ld` elements apart; what is only copied has a stride for each
 * axis.  LAPACK is column-major: it sees the transpose of every matrix.  See cg_blas.h for how the
 * library is found and for what _f64 means. */
#pragma once
#include "cg_math.h"
#include <math.h>
#include <stddef.h>

/* cg: cg_trsm_f64_blas is blas[4] cblas_dtrsm */
/* cblas_dtrsm: B = alpha op(A)^-1 B with a triangular A. */
typedef void (*cg_trsm_f64_blas)(int order, int side, int triangle, int on_a, int diagonal,
                                 int64_t m, int64_t n, double alpha, const double *a, int64_t lda,
                                 double *b, int64_t ldb);

/* cg: cg_potrf_f64_lapack is lapack[0] dpotrf_ */
/* dpotrf_: the Cholesky factor of a column-major matrix, in place. */
typedef void (*cg_potrf_f64_lapack)(const char *triangle, const int64_t *n, double *a,
                                    const int64_t *lda, int64_t *info, size_t length);

/* cg: cg_getrf_f64_lapack is lapack[2] dgetrf_ */
/* dgetrf_: L U = P A with row interchanges, in place; pivots count from 1. */
typedef void (*cg_getrf_f64_lapack)(const int64_t *m, const int64_t *n, double *a,
                                    const int64_t *lda, int64_t *pivots, int64_t *info);

/* cg: cg_copy_f64 */
/* An m x n matrix of any strides into rows. */
static void cg_copy_f64(int64_t m, int64_t n, int64_t next_row, int64_t next_in_row, int64_t ld,
                        const double *from, double *to)
{
    for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j)
            to[i * ld + j] = from[i * next_row + j * next_in_row];
}

/* cg: cg_cholesky_f64 */
/* The lower triangular L with L L^T = A, from the lower triangle of A. Where there is none it is
 * filled with nan, and the answer is not 0. */
static int64_t cg_cholesky_f64(const cg_rt *rt, int64_t n, int64_t next_row, int64_t next_in_row,
                               int64_t ld, const double *restrict a, double *restrict l)
{
    const int64_t small = 8;
    const cg_potrf_f64_lapack potrf = (cg_potrf_f64_lapack)rt->lapack[0];
    int64_t info = 0;
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j)
            l[i * ld + j] = j <= i ? a[i * next_row + j * next_in_row] : 0;
    if (potrf != NULL && n > small) {
        cg_hold(rt, 1);
        potrf("U", &n, l, &ld, &info, 1);
        cg_hold(rt, 0);
    } else {
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j <= i; ++j) {
                double x = l[i * ld + j];
                for (int64_t k = 0; k < j; ++k) x -= l[i * ld + k] * l[j * ld + k];
                l[i * ld + j] = i == j ? sqrt(x) : x / l[j * ld + j];
            }
    }
    /* a pivot that is not positive, or not a number */
    for (int64_t i = 0; i < n && info == 0; ++i) info = l[i * ld + i] > 0 ? 0 : i + 1;
    for (int64_t i = 0; i < n && info != 0; ++i)
        for (int64_t j = 0; j < n; ++j) l[i * ld + j] = (double)NAN;
    return info;
}

/* cg: cg_trsm_f64 */
/* X = op(A)^-1 B, n x k, with a triangular A, whose diagonal counts as ones where `unit`. */
static void cg_trsm_f64(const cg_rt *rt, int64_t n, int64_t k, int64_t lower, int64_t transposed,
                        int64_t unit, int64_t lda, int64_t ldx, const double *restrict a,
                        double *restrict x)
{
    const double small = 125; /* multiplications */
    const cg_trsm_f64_blas trsm = (cg_trsm_f64_blas)rt->blas[4];
    if (trsm != NULL && (double)n * (double)n * (double)k > small) {
        cg_hold(rt, 1);
        trsm(101, 141, lower ? 122 : 121, transposed ? 112 : 111, unit ? 132 : 131, n, k, 1, a, lda,
             x, ldx);
        cg_hold(rt, 0);
        return;
    }
    const int64_t next_row = transposed ? 1 : lda, next_in_row = transposed ? lda : 1;
    const int forwards = (lower != 0) != (transposed != 0);
    for (int64_t step = 0; step < n; ++step) {
        const int64_t i = forwards ? step : n - 1 - step;
        for (int64_t before = 0; before < step; ++before) {
            const int64_t l = forwards ? before : n - 1 - before;
            const double factor = a[i * next_row + l * next_in_row];
            for (int64_t j = 0; j < k; ++j) x[i * ldx + j] -= factor * x[l * ldx + j];
        }
        if (!unit)
            for (int64_t j = 0; j < k; ++j) x[i * ldx + j] /= a[i * lda + i];
    }
}

/* cg: cg_solve_triangular_f64 */
/* The same for a B of any strides, which is kept. */
static void cg_solve_triangular_f64(const cg_rt *rt, int64_t n, int64_t k, int64_t lower,
                                    int64_t transposed, int64_t unit, int64_t lda,
                                    int64_t next_row, int64_t next_in_row, int64_t ldx,
                                    const double *a, const double *b, double *x)
{
    cg_copy_f64(n, k, next_row, next_in_row, ldx, b, x);
    cg_trsm_f64(rt, n, k, lower, transposed, unit, lda, ldx, a, x);
}

/* cg: cg_positive_inverse_f64 */
/* The lower triangle of (L L^T)^-1, zeros above it. Some columns of the identity at a time: there
 * L^-1 begins at their rows, and the inverse is wanted from these on. */
static void cg_positive_inverse_f64(const cg_rt *rt, int64_t n, int64_t ld, int64_t ldx,
                                    const double *restrict l, double *restrict x)
{
    const int64_t width = 32; /* 24 and 48 take as long, for n = 200 */
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) x[i * ldx + j] = 0;
    for (int64_t from = 0; from < n; from += width) {
        const int64_t rest = n - from, columns = rest < width ? rest : width;
        const double *corner = l + from * ld + from;
        double *block = x + from * ldx + from;
        for (int64_t j = 0; j < columns; ++j) block[j * ldx + j] = 1;
        cg_trsm_f64(rt, rest, columns, 1, 0, 0, ld, ldx, corner, block);
        cg_trsm_f64(rt, rest, columns, 1, 1, 0, ld, ldx, corner, block);
        for (int64_t i = 0; i < columns; ++i)
            for (int64_t j = i + 1; j < columns; ++j) block[i * ldx + j] = 0;
    }
}

/* cg: cg_lu_f64 */
/* A = U^T L^T P^T, n x n: U^T on and below the diagonal of f, L^T with ones on its diagonal above
 * it, rows n + 1 apart. The last column holds what P interchanges: column i of A with column f_in,
 * one after the other. This is what LAPACK makes of the transpose that it sees. */
static void cg_lu_f64(const cg_rt *rt, int64_t n, int64_t next_row, int64_t next_in_row,
                      const double *restrict a, double *restrict f, int64_t *restrict pivots)
{
    const int64_t small = 8, ld = n + 1;
    const cg_getrf_f64_lapack getrf = (cg_getrf_f64_lapack)rt->lapack[2];
    cg_copy_f64(n, n, next_row, next_in_row, ld, a, f);
    if (getrf != NULL && n > small) {
        int64_t info;
        cg_hold(rt, 1);
        getrf(&n, &n, f, &ld, pivots, &info);
        cg_hold(rt, 0);
    } else {
        for (int64_t i = 0; i < n; ++i) {
            int64_t best = i;
            for (int64_t r = i + 1; r < n; ++r)
                if (fabs(f[i * ld + r]) > fabs(f[i * ld + best])) best = r;
            pivots[i] = best + 1;
            for (int64_t j = 0; j < n && best != i; ++j) {
                const double held = f[j * ld + i];
                f[j * ld + i] = f[j * ld + best];
                f[j * ld + best] = held;
            }
            const double pivot = f[i * ld + i];
            for (int64_t r = i + 1; r < n && pivot != 0; ++r) f[i * ld + r] /= pivot;
            for (int64_t j = i + 1; j < n; ++j)
                for (int64_t r = i + 1; r < n; ++r) f[j * ld + r] -= f[i * ld + r] * f[j * ld + i];
        }
    }
    for (int64_t i = 0; i < n; ++i)
        f[i * ld + n] = (double)(pivots[i] > i && pivots[i] <= n ? pivots[i] - 1 : i);
}

/* cg: cg_swap_rows_f64 */
/* Rows of x, n x k, interchanged: row i with row pivots[i], one after the other, or from the last
 * to the first. Where a pivot is no row the answer is not 0. */
static int64_t cg_swap_rows_f64(int64_t n, int64_t k, int64_t backwards, int64_t next_pivot,
                                int64_t ldx, const double *restrict pivots, double *restrict x)
{
    for (int64_t step = 0; step < n; ++step) {
        const int64_t i = backwards ? n - 1 - step : step;
        const double pivot = pivots[i * next_pivot];
        if (!(pivot >= 0 && pivot < (double)n)) return 1;
        const int64_t other = (int64_t)pivot;
        for (int64_t j = 0; j < k && other != i; ++j) {
            const double held = x[i * ldx + j];
            x[i * ldx + j] = x[other * ldx + j];
            x[other * ldx + j] = held;
        }
    }
    return 0;
}

/* cg: cg_interchange_f64 */
/* The same for a B of any strides, which is kept. */
static int64_t cg_interchange_f64(const cg_rt *rt, int64_t n, int64_t k, int64_t backwards,
                                  int64_t next_pivot, int64_t next_row, int64_t next_in_row,
                                  int64_t ldx, const double *pivots, const double *b, double *x)
{
    (void)rt;
    cg_copy_f64(n, k, next_row, next_in_row, ldx, b, x);
    return cg_swap_rows_f64(n, k, backwards, next_pivot, ldx, pivots, x);
}

/* cg: cg_lu_solve_f64 */
/* X = A^-1 B, or A^-T B, n x k, with the factors f of cg_lu_f64; B of any strides. */
static void cg_lu_solve_f64(const cg_rt *rt, int64_t n, int64_t k, int64_t transposed,
                            int64_t next_row, int64_t next_in_row, int64_t ldx, const double *f,
                            const double *b, double *x)
{
    const int64_t ld = n + 1;
    cg_copy_f64(n, k, next_row, next_in_row, ldx, b, x);
    if (!transposed) {
        cg_trsm_f64(rt, n, k, 1, 0, 0, ld, ldx, f, x);
        cg_trsm_f64(rt, n, k, 0, 0, 1, ld, ldx, f, x);
    }
    (void)cg_swap_rows_f64(n, k, !transposed, ld, ldx, f + n, x);
    if (transposed) {
        cg_trsm_f64(rt, n, k, 0, 1, 1, ld, ldx, f, x);
        cg_trsm_f64(rt, n, k, 1, 1, 0, ld, ldx, f, x);
    }
}

/* cg: cg_syevd_f64_lapack needs lapack[4] dsyevd_ */
/* dsyevd_: eigenvalues and eigenvectors of a symmetric matrix, by divide and conquer. */
typedef void (*cg_syevd_f64_lapack)(const char *job, const char *triangle, const int64_t *n,
                                    double *a, const int64_t *lda, double *w, double *work,
                                    const int64_t *lwork, int64_t *iwork, const int64_t *liwork,
                                    int64_t *info, size_t job_length, size_t length);

/* cg: cg_gesdd_f64_lapack needs lapack[6] dgesdd_ */
/* dgesdd_: singular values and vectors, by divide and conquer. */
typedef void (*cg_gesdd_f64_lapack)(const char *job, const int64_t *m, const int64_t *n, double *a,
                                    const int64_t *lda, double *s, double *u, const int64_t *ldu,
                                    double *vt, const int64_t *ldvt, double *work,
                                    const int64_t *lwork, int64_t *iwork, int64_t *info,
                                    size_t length);

/* cg: cg_geqrf_f64_lapack needs lapack[8] dgeqrf_ */
/* dgeqrf_: R, and Q as reflections. */
typedef void (*cg_geqrf_f64_lapack)(const int64_t *m, const int64_t *n, double *a,
                                    const int64_t *lda, double *tau, double *work,
                                    const int64_t *lwork, int64_t *info);

/* cg: cg_orgqr_f64_lapack needs lapack[10] dorgqr_ */
/* dorgqr_: the first columns of Q from the reflections. */
typedef void (*cg_orgqr_f64_lapack)(const int64_t *m, const int64_t *n, const int64_t *k, double *a,
                                    const int64_t *lda, const double *tau, double *work,
                                    const int64_t *lwork, int64_t *info);

/* cg: cg_all_nan_f64 */
/* An m x n matrix of nan: the answer where an algorithm has none. */
static void cg_all_nan_f64(int64_t m, int64_t n, int64_t ld, double *x)
{
    for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) x[i * ld + j] = (double)NAN;
}

/* cg: cg_finite_f64 */
/* Whether all of n numbers are finite. */
static int cg_finite_f64(int64_t n, const double *x)
{
    int good = 1;
    for (int64_t i = 0; i < n; ++i) good &= isfinite(x[i]) != 0;
    return good;
}

/* cg: cg_eigh_f64 */
/* Eigenvectors, as columns, and in the last column the eigenvalues, ascending, of a symmetric
 * matrix of which the lower triangle is read; n x (n + 1). v, w, work and iwork are for its use. */
static void cg_eigh_f64(const cg_rt *rt, int64_t n, int64_t next_row, int64_t next_in_row,
                        int64_t ld, int64_t lwork, int64_t liwork, const double *restrict a,
                        double *restrict out, double *restrict v, double *restrict w,
                        double *restrict work, int64_t *restrict iwork)
{
    const cg_syevd_f64_lapack syevd = (cg_syevd_f64_lapack)rt->lapack[4];
    int64_t info = 1;
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j)
            v[i * n + j] = j <= i ? a[i * next_row + j * next_in_row] : 0;
    if (n > 0 && syevd != NULL && cg_finite_f64(n * n, v)) {
        cg_hold(rt, 1);
        syevd("V", "U", &n, v, &n, w, work, &lwork, iwork, &liwork, &info, 1, 1);
        cg_hold(rt, 0);
    }
    if (info != 0) {
        cg_all_nan_f64(n, n + 1, ld, out);
        return;
    }
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) out[i * ld + j] = v[j * n + i];
        out[i * ld + n] = w[i];
    }
}

/* cg: cg_svd_f64 */
/* A = U S V^T, m x n: U, below it V, and in the last row the singular values, descending; of k
 * columns, k the smaller of m and n. t, u, v, work and iwork are for its use. */
static void cg_svd_f64(const cg_rt *rt, int64_t m, int64_t n, int64_t k, int64_t next_row,
                       int64_t next_in_row, int64_t ld, int64_t lwork, const double *restrict a,
                       double *restrict out, double *restrict t, double *restrict u,
                       double *restrict v, double *restrict work, int64_t *restrict iwork)
{
    const cg_gesdd_f64_lapack gesdd = (cg_gesdd_f64_lapack)rt->lapack[6];
    int64_t info = 1;
    for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) t[i * n + j] = a[i * next_row + j * next_in_row];
    /* the library sees the transpose, V S U^T */
    if (k > 0 && gesdd != NULL && cg_finite_f64(m * n, t)) {
        cg_hold(rt, 1);
        gesdd("S", &n, &m, t, &n, out + (m + n) * ld, v, &n, u, &k, work, &lwork, iwork, &info, 1);
        cg_hold(rt, 0);
    }
    if (info != 0) {
        cg_all_nan_f64(m + n + 1, k, ld, out);
        return;
    }
    for (int64_t i = 0; i < m; ++i)
        for (int64_t c = 0; c < k; ++c) out[i * ld + c] = u[i * k + c];
    for (int64_t j = 0; j < n; ++j)
        for (int64_t c = 0; c < k; ++c) out[(m + j) * ld + c] = v[c * n + j];
}

/* cg: cg_qr_f64 */
/* A = Q R, m x n: Q and below it R^T, of k columns, k the smaller of m and n. t, tau and work are
 * for its use. */
static void cg_qr_f64(const cg_rt *rt, int64_t m, int64_t n, int64_t k, int64_t next_row,
                      int64_t next_in_row, int64_t ld, int64_t lwork, const double *restrict a,
                      double *restrict out, double *restrict t, double *restrict tau,
                      double *restrict work)
{
    const cg_geqrf_f64_lapack geqrf = (cg_geqrf_f64_lapack)rt->lapack[8];
    const cg_orgqr_f64_lapack orgqr = (cg_orgqr_f64_lapack)rt->lapack[10];
    int64_t info = 1;
    for (int64_t j = 0; j < n; ++j)
        for (int64_t i = 0; i < m; ++i) t[j * m + i] = a[i * next_row + j * next_in_row];
    if (k > 0 && geqrf != NULL && orgqr != NULL) {
        cg_hold(rt, 1);
        geqrf(&m, &n, t, &m, tau, work, &lwork, &info);
        cg_hold(rt, 0);
    }
    if (info != 0) {
        cg_all_nan_f64(m + n, k, ld, out);
        return;
    }
    for (int64_t j = 0; j < n; ++j)
        for (int64_t c = 0; c < k; ++c) out[(m + j) * ld + c] = c <= j ? t[j * m + c] : 0;
    cg_hold(rt, 1);
    orgqr(&m, &k, &k, t, &m, tau, work, &lwork, &info);
    cg_hold(rt, 0);
    for (int64_t i = 0; i < m; ++i)
        for (int64_t c = 0; c < k; ++c) out[i * ld + c] = t[c * m + i];
}

/* cg: cg_gees_f64_lapack needs lapack[12] dgees_ */
/* dgees_: the real Schur form, by QR iterations. */
typedef void (*cg_gees_f64_lapack)(const char *job, const char *sort, const void *select,
                                   const int64_t *n, double *a, const int64_t *lda, int64_t *chosen,
                                   double *real, double *imaginary, double *z, const int64_t *ldz,
                                   double *work, const int64_t *lwork, int64_t *chosen_work,
                                   int64_t *info, size_t job_length, size_t sort_length);

/* cg: cg_schur_f64 */
/* T and beside it Z with A = Z T Z^T, n x 2 n. t, z, values and work are for its use. */
static void cg_schur_f64(const cg_rt *rt, int64_t n, int64_t next_row, int64_t next_in_row,
                         int64_t ld, int64_t lwork, const double *restrict a, double *restrict out,
                         double *restrict t, double *restrict z, double *restrict values,
                         double *restrict work)
{
    const cg_gees_f64_lapack gees = (cg_gees_f64_lapack)rt->lapack[12];
    int64_t info = 1, chosen = 0;
    for (int64_t j = 0; j < n; ++j)
        for (int64_t i = 0; i < n; ++i) t[j * n + i] = a[i * next_row + j * next_in_row];
    if (n > 0 && gees != NULL && cg_finite_f64(n * n, t)) {
        cg_hold(rt, 1);
        gees("V", "N", NULL, &n, t, &n, &chosen, values, values + n, z, &n, work, &lwork, NULL,
             &info, 1, 1);
        cg_hold(rt, 0);
    }
    if (info != 0) {
        cg_all_nan_f64(n, 2 * n, ld, out);
        return;
    }
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
            out[i * ld + j] = t[j * n + i];
            out[i * ld + n + j] = z[j * n + i];
        }
}
