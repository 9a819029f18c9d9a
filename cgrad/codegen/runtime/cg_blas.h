/* Products of matrices: loops for small ones, a BLAS for the others.
 *
 * The library is found at run time in cg_rt: a function of it is declared below a line of the form
 * "/" "* cg: name is table[slot] symbol *" "/", and whoever loads a kernel fills the slots it uses.
 * Where a slot is NULL, loops do the work; "needs" in place of "is" says that none do.
 *
 * Matrices are row-major, their rows `ld` elements apart. What is named _f64 and written in double
 * exists as _f32 in float too, its routine in the next slot: codegen/prelude.py spells it. */
#pragma once
#include "cg_math.h"
#include <stddef.h>

/* cg: cg_gemm_f64_blas is blas[0] cblas_dgemm */
/* cblas_dgemm: C = alpha op(A) op(B) + beta C. The numbers are those of its enumerations. */
typedef void (*cg_gemm_f64_blas)(int order, int on_a, int on_b, int64_t m, int64_t n, int64_t k,
                                 double alpha, const double *a, int64_t lda, const double *b,
                                 int64_t ldb, double beta, double *c, int64_t ldc);

/* cg: cg_syrk_f64_blas is blas[2] cblas_dsyrk */
/* cblas_dsyrk: one triangle of C = alpha A A^T + beta C, or of A^T A. */
typedef void (*cg_syrk_f64_blas)(int order, int triangle, int on_a, int64_t n, int64_t k,
                                 double alpha, const double *a, int64_t lda, double beta,
                                 double *c, int64_t ldc);

/* cg: cg_gemm_f64 */
/* C = op(A) op(B), m x n with a sum over k; op transposes where ta or tb is 1. */
static void cg_gemm_f64(const cg_rt *rt, int64_t m, int64_t n, int64_t k, int64_t ta, int64_t lda,
                        int64_t tb, int64_t ldb, int64_t ldc, const double *restrict a,
                        const double *restrict b, double *restrict c)
{
    const double small = 125; /* multiplications: up to there loops beat every BLAS kernel tried */
    const cg_gemm_f64_blas gemm = (cg_gemm_f64_blas)rt->blas[0];
    if (gemm != NULL && (double)m * (double)n * (double)k > small) {
        cg_hold(rt, 1);
        gemm(101, ta ? 112 : 111, tb ? 112 : 111, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
        cg_hold(rt, 0);
        return;
    }
    const int64_t next_row = ta ? 1 : lda, next_in_row = ta ? lda : 1;
    for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) c[i * ldc + j] = 0;
        for (int64_t l = 0; l < k; ++l) {
            const double x = a[i * next_row + l * next_in_row];
            if (tb)
                for (int64_t j = 0; j < n; ++j) c[i * ldc + j] += x * b[j * ldb + l];
            else
                for (int64_t j = 0; j < n; ++j) c[i * ldc + j] += x * b[l * ldb + j];
        }
    }
}

/* cg: cg_syrk_f64 */
/* C = A A^T, n x n with a sum over k, or A^T A where ta is 1; C is symmetric bit for bit. */
static void cg_syrk_f64(const cg_rt *rt, int64_t n, int64_t k, int64_t ta, int64_t lda,
                        int64_t ldc, const double *restrict a, double *restrict c)
{
    const int64_t narrow = 48; /* half the work pays from there on */
    const cg_syrk_f64_blas syrk = (cg_syrk_f64_blas)rt->blas[2];
    if (syrk == NULL || n < narrow || k < 1) {
        cg_gemm_f64(rt, n, n, k, ta, lda, !ta, lda, ldc, a, a, c);
    } else {
        cg_hold(rt, 1);
        syrk(101, 122, ta ? 112 : 111, n, k, 1, a, lda, 0, c, ldc);
        cg_hold(rt, 0);
    }
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = i + 1; j < n; ++j) c[i * ldc + j] = c[j * ldc + i];
}
