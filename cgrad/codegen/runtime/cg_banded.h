/* Systems with a banded matrix, by LAPACK. See cg_lapack.h for the conventions. */
#pragma once
#include "cg_lapack.h"

/* cg: cg_gbsv_f64_lapack needs lapack[14] dgbsv_ */
/* dgbsv_: elimination with interchanges of rows, and the solution of a system. */
typedef void (*cg_gbsv_f64_lapack)(const int64_t *n, const int64_t *below, const int64_t *above,
                                   const int64_t *k, double *f, const int64_t *ldf, int64_t *pivots,
                                   double *b, const int64_t *ldb, int64_t *info);

/* cg: cg_solve_banded_f64 */
/* X = A^-1 B, n x k, for a matrix whose element (i, j) is row above + i - j, column j of ab. f,
 * columns and pivots are for its use. nan where the matrix is singular. */
static void cg_solve_banded_f64(const cg_rt *rt, int64_t n, int64_t k, int64_t below, int64_t above,
                                int64_t next_diagonal, int64_t next_on_it, int64_t next_row,
                                int64_t next_in_row, int64_t ldx, const double *restrict ab,
                                const double *restrict b, double *restrict x, double *restrict f,
                                double *restrict columns, int64_t *restrict pivots)
{
    const cg_gbsv_f64_lapack gbsv = (cg_gbsv_f64_lapack)rt->lapack[14];
    const int64_t ldf = 2 * below + above + 1;
    int64_t info = 0;
    for (int64_t j = 0; j < n; ++j)
        for (int64_t r = 0; r < ldf; ++r) {
            const int64_t diagonal = r - below, i = j + diagonal - above;
            const int inside = diagonal >= 0 && i >= 0 && i < n;
            f[j * ldf + r] = inside ? ab[diagonal * next_diagonal + j * next_on_it] : 0;
        }
    for (int64_t c = 0; c < k; ++c)
        for (int64_t i = 0; i < n; ++i) columns[c * n + i] = b[i * next_row + c * next_in_row];
    if (n > 0 && gbsv != NULL) {
        cg_hold(rt, 1);
        gbsv(&n, &below, &above, &k, f, &ldf, pivots, columns, &n, &info);
        cg_hold(rt, 0);
    }
    if (info != 0) {
        cg_all_nan_f64(n, k, ldx, x);
        return;
    }
    for (int64_t i = 0; i < n; ++i)
        for (int64_t c = 0; c < k; ++c) x[i * ldx + c] = columns[c * n + i];
}
