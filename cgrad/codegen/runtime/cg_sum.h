/* Sums of arrays in an order of their own: the same bits on every CPU.
 *
 * Blocks of 256 elements are added up one after the other. In a block element i goes to lane
 * i % 32 while 32 are left, then to lane i % 8 while 8 are left; the lanes are folded in halves,
 * and what is left of 4, 2 and 1 elements joins when there are as many lanes. The error of a sum of
 * n terms grows like n / 256 instead of n. How many lanes are in one register does not matter. */
#pragma once
#include <stdint.h>

/* cg: cg_vector */
/* Vectors of this CPU, CG_WIDTH float64 long; CG_PARTS of them hold eight lanes. */
#if defined(__AVX512F__)
enum { CG_WIDTH = 8, CG_PARTS = 1 };
#elif defined(__AVX__)
enum { CG_WIDTH = 4, CG_PARTS = 2 };
#else
enum { CG_WIDTH = 2, CG_PARTS = 4 };
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define CG_UNROLL _Pragma("GCC unroll 4")
#else
#define CG_UNROLL
#endif
typedef double cg_vector __attribute__((vector_size(8 * CG_WIDTH), aligned(8), may_alias));
typedef double cg_pair __attribute__((vector_size(16), aligned(8), may_alias));
#define CG_VECTOR(x) (*(const cg_vector *)(x))
#define CG_PAIR(x) (*(const cg_pair *)(x))
/* lanes 2 * k and 2 * k + 1 of eight */
#define CG_LANES(a, k)                                                                             \
    ((cg_pair){a[2 * (k) / CG_WIDTH][2 * (k) % CG_WIDTH],                                          \
               a[2 * (k) / CG_WIDTH][2 * (k) % CG_WIDTH + 1]})

/* cg: cg_sum_block */
static inline double cg_sum_block(int64_t n, const double *x)
{
    cg_vector a[CG_PARTS];
    int64_t i = 0;
    CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) a[k] = (cg_vector){0};
    if (n >= 32) {
        cg_vector b[CG_PARTS], c[CG_PARTS], d[CG_PARTS];
        CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) b[k] = c[k] = d[k] = a[k];
        for (; i + 32 <= n; i += 32) {
            CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) {
                const double *u = x + i + CG_WIDTH * k;
                a[k] += CG_VECTOR(u);
                b[k] += CG_VECTOR(u + 8);
                c[k] += CG_VECTOR(u + 16);
                d[k] += CG_VECTOR(u + 24);
            }
        }
        CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) a[k] = (a[k] + b[k]) + (c[k] + d[k]);
    }
    for (; i + 8 <= n; i += 8)
        CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) a[k] += CG_VECTOR(x + i + CG_WIDTH * k);
    cg_pair p = CG_LANES(a, 0) + CG_LANES(a, 2), q = CG_LANES(a, 1) + CG_LANES(a, 3);
    if (n & 4) {
        p += CG_PAIR(x + i);
        q += CG_PAIR(x + i + 2);
        i += 4;
    }
    p += q;
    if (n & 2) {
        p += CG_PAIR(x + i);
        i += 2;
    }
    const double s = p[0] + p[1];
    return n & 1 ? s + x[i] : s;
}

/* cg: cg_sum */
/* x[0] + ... + x[n - 1] */
static inline double cg_sum(int64_t n, const double *x)
{
    double s = 0.0;
    for (int64_t i = 0; i < n; i += 256) s += cg_sum_block(n - i < 256 ? n - i : 256, x + i);
    return s;
}

/* cg: cg_dot_block */
static inline double cg_dot_block(int64_t n, const double *x, const double *y)
{
    cg_vector a[CG_PARTS];
    int64_t i = 0;
    CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) a[k] = (cg_vector){0};
    if (n >= 32) {
        cg_vector b[CG_PARTS], c[CG_PARTS], d[CG_PARTS];
        CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) b[k] = c[k] = d[k] = a[k];
        for (; i + 32 <= n; i += 32) {
            CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) {
                const double *u = x + i + CG_WIDTH * k, *v = y + i + CG_WIDTH * k;
                a[k] += CG_VECTOR(u) * CG_VECTOR(v);
                b[k] += CG_VECTOR(u + 8) * CG_VECTOR(v + 8);
                c[k] += CG_VECTOR(u + 16) * CG_VECTOR(v + 16);
                d[k] += CG_VECTOR(u + 24) * CG_VECTOR(v + 24);
            }
        }
        CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) a[k] = (a[k] + b[k]) + (c[k] + d[k]);
    }
    for (; i + 8 <= n; i += 8) {
        CG_UNROLL for (int k = 0; k < CG_PARTS; ++k)
            a[k] += CG_VECTOR(x + i + CG_WIDTH * k) * CG_VECTOR(y + i + CG_WIDTH * k);
    }
    cg_pair p = CG_LANES(a, 0) + CG_LANES(a, 2), q = CG_LANES(a, 1) + CG_LANES(a, 3);
    if (n & 4) {
        p += CG_PAIR(x + i) * CG_PAIR(y + i);
        q += CG_PAIR(x + i + 2) * CG_PAIR(y + i + 2);
        i += 4;
    }
    p += q;
    if (n & 2) {
        p += CG_PAIR(x + i) * CG_PAIR(y + i);
        i += 2;
    }
    const double s = p[0] + p[1];
    return n & 1 ? s + x[i] * y[i] : s;
}

/* cg: cg_dot */
/* x[0] * y[0] + ... + x[n - 1] * y[n - 1]; the products are rounded before they are added */
static inline double cg_dot(int64_t n, const double *x, const double *y)
{
    double s = 0.0;
    for (int64_t i = 0; i < n; i += 256) s += cg_dot_block(n - i < 256 ? n - i : 256, x + i, y + i);
    return s;
}

/* cg: cg_row_block */
/* The product of a row and y, n <= 256, in the order of cg_four_rows. */
static inline double cg_row_block(int64_t n, const double *x, const double *y)
{
    cg_vector a[CG_PARTS];
    int64_t i = 0;
    CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) a[k] = (cg_vector){0};
    for (; i + 8 <= n; i += 8) {
        CG_UNROLL for (int k = 0; k < CG_PARTS; ++k)
            a[k] += CG_VECTOR(x + i + CG_WIDTH * k) * CG_VECTOR(y + i + CG_WIDTH * k);
    }
    cg_pair p = CG_LANES(a, 0) + CG_LANES(a, 2), q = CG_LANES(a, 1) + CG_LANES(a, 3);
    if (n & 4) {
        p += CG_PAIR(x + i) * CG_PAIR(y + i);
        q += CG_PAIR(x + i + 2) * CG_PAIR(y + i + 2);
        i += 4;
    }
    p += q;
    if (n & 2) {
        p += CG_PAIR(x + i) * CG_PAIR(y + i);
        i += 2;
    }
    const double s = p[0] + p[1];
    return n & 1 ? s + x[i] * y[i] : s;
}

/* cg: cg_four_rows */
/* Adds to s the products of four rows, `apart` elements from each other, and y; n <= 256. A row has
 * eight lanes, which are folded like those of one product; y is loaded once for all rows. */
static inline void cg_four_rows(int64_t n, int64_t apart, const double *x, const double *y,
                                double *s)
{
    cg_vector a[4][CG_PARTS];
    int64_t i = 0;
    CG_UNROLL for (int k = 0; k < CG_PARTS; ++k)
        a[0][k] = a[1][k] = a[2][k] = a[3][k] = (cg_vector){0};
    for (; i + 8 <= n; i += 8) {
        CG_UNROLL for (int k = 0; k < CG_PARTS; ++k) {
            const double *u = x + i + CG_WIDTH * k;
            const cg_vector v = CG_VECTOR(y + i + CG_WIDTH * k);
            a[0][k] += CG_VECTOR(u) * v;
            a[1][k] += CG_VECTOR(u + apart) * v;
            a[2][k] += CG_VECTOR(u + 2 * apart) * v;
            a[3][k] += CG_VECTOR(u + 3 * apart) * v;
        }
    }
    cg_pair p[4], q[4];
    CG_UNROLL for (int r = 0; r < 4; ++r) {
        p[r] = CG_LANES(a[r], 0) + CG_LANES(a[r], 2);
        q[r] = CG_LANES(a[r], 1) + CG_LANES(a[r], 3);
    }
    if (n & 4) {
        CG_UNROLL for (int r = 0; r < 4; ++r) {
            p[r] += CG_PAIR(x + r * apart + i) * CG_PAIR(y + i);
            q[r] += CG_PAIR(x + r * apart + i + 2) * CG_PAIR(y + i + 2);
        }
        i += 4;
    }
    CG_UNROLL for (int r = 0; r < 4; ++r) p[r] += q[r];
    if (n & 2) {
        CG_UNROLL for (int r = 0; r < 4; ++r)
            p[r] += CG_PAIR(x + r * apart + i) * CG_PAIR(y + i);
        i += 2;
    }
    CG_UNROLL for (int r = 0; r < 4; ++r) {
        const double sum = p[r][0] + p[r][1];
        s[r] += n & 1 ? sum + x[r * apart + i] * y[i] : sum;
    }
}

/* cg: cg_dot_rows */
/* The products of `rows` rows of n elements, `apart` from each other, and y. The bits of each are
 * those that the row has alone. */
static void cg_dot_rows(int64_t rows, int64_t n, int64_t apart, const double *x, const double *y,
                        double *restrict out)
{
    int64_t r = 0;
    for (int64_t k = 0; k < rows; ++k) out[k] = 0.0;
    for (; r + 4 <= rows; r += 4)
        for (int64_t i = 0; i < n; i += 256)
            cg_four_rows(n - i < 256 ? n - i : 256, apart, x + r * apart + i, y + i, out + r);
    for (; r < rows; ++r)
        for (int64_t i = 0; i < n; i += 256)
            out[r] += cg_row_block(n - i < 256 ? n - i : 256, x + r * apart + i, y + i);
}
