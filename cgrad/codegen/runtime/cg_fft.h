/* Discrete Fourier transforms of rows of complex numbers, of any length n in O(n log n).
 *
 * Lengths with small prime factors: the autosorting form of the fast transform (T. G. Stockham,
 * High-speed convolution and correlation, 1966; C. Van Loan, Computational Frameworks for the Fast
 * Fourier Transform, 1992, 1.7).  Others: a convolution of a power of two in length (L. I.
 * Bluestein, IEEE Trans. Audio Electroacoustics 18, 1970).
 */
#pragma once
#include "cg_complex.h"
#include "cg_trig.h"

/* cg: cg_root_of_one */
/* exp(2 pi i turns / whole), the angle taken between -pi and pi. */
static inline cg_complex128 cg_root_of_one(int64_t turns, int64_t whole)
{
    const int64_t k = turns % whole;
    const double part = (double)(2 * k > whole ? k - whole : k) / (double)whole;
    const double angle = 0x1.921fb54442d18p+2 * part;
    return cg_complex(cg_cos(angle), cg_sin(angle));
}

/* cg: cg_fft_factor */
/* The factor of n to take next. */
static inline int64_t cg_fft_factor(int64_t n)
{
    if (n % 4 == 0) return 4;
    for (int64_t r = 2; r * r <= n; ++r)
        if (n % r == 0) return r;
    return n;
}

/* cg: cg_fft_largest */
/* The largest prime factor of n. */
static inline int64_t cg_fft_largest(int64_t n)
{
    int64_t r = 2;
    for (; r * r <= n; ++r)
        while (n % r == 0 && n > r) n /= r;
    return n;
}

/* cg: cg_fft_step */
/* One step: transforms of length r of every m-th number, l times; w holds the n-th roots of one. */
static void cg_fft_step(int64_t n, int64_t r, int64_t m, int64_t l, bool back,
                        const cg_complex128 *restrict w, const cg_complex128 *restrict x,
                        cg_complex128 *restrict y)
{
    for (int64_t p = 0; p < m; ++p) {
        const cg_complex128 *from = &x[l * p];
        cg_complex128 *to = &y[l * r * p];
        if (r == 2) {
            const cg_complex128 w1 = w[l * p];
            for (int64_t q = 0; q < l; ++q) {
                const cg_complex128 a = from[q], b = from[q + l * m];
                to[q] = cg_cadd(a, b);
                to[q + l] = cg_cmul(cg_csub(a, b), w1);
            }
        } else if (r == 4) {
            const cg_complex128 w1 = w[l * p], w2 = w[2 * l * p], w3 = w[3 * l * p];
            const double sign = back ? 1.0 : -1.0;
            for (int64_t q = 0; q < l; ++q) {
                const cg_complex128 a = from[q], b = from[q + l * m];
                const cg_complex128 c = from[q + 2 * l * m], d = from[q + 3 * l * m];
                const cg_complex128 even = cg_cadd(a, c), odd = cg_cadd(b, d);
                const cg_complex128 minus = cg_csub(a, c), side = cg_csub(b, d);
                const cg_complex128 turned = cg_complex(-sign * side.im, sign * side.re);
                to[q] = cg_cadd(even, odd);
                to[q + l] = cg_cmul(cg_cadd(minus, turned), w1);
                to[q + 2 * l] = cg_cmul(cg_csub(even, odd), w2);
                to[q + 3 * l] = cg_cmul(cg_csub(minus, turned), w3);
            }
        } else {
            for (int64_t t = 0; t < r; ++t) {
                const cg_complex128 wt = w[t * l * p];
                cg_complex128 *row = &to[t * l];
                for (int64_t q = 0; q < l; ++q) row[q] = cg_cmul(from[q], wt);
                for (int64_t s = 1; s < r; ++s) {
                    const cg_complex128 ws = cg_cmul(w[s * t % r * (n / r)], wt);
                    const cg_complex128 *next = &from[s * l * m];
                    for (int64_t q = 0; q < l; ++q) row[q] = cg_cadd(row[q], cg_cmul(next[q], ws));
                }
            }
        }
    }
}

/* cg: cg_fft_smooth */
/* The transform of x to y by steps; spare has n numbers, x may be y or spare. */
static void cg_fft_smooth(int64_t n, bool back, const cg_complex128 *w, const cg_complex128 *x,
                          cg_complex128 *y, cg_complex128 *spare)
{
    int64_t steps = 0, left = n, l = 1;
    for (; left > 1; left /= cg_fft_factor(left)) ++steps;
    /* the last step has to end in y */
    cg_complex128 *from = steps % 2 ? spare : y, *to = steps % 2 ? y : spare;
    if (n > 0 && x != from) memcpy(from, x, (size_t)n * sizeof *x);
    for (left = n; left > 1;) {
        const int64_t r = cg_fft_factor(left), m = left / r;
        cg_fft_step(n, r, m, l, back, w, from, to);
        cg_complex128 *const swap = from;
        from = to;
        to = swap;
        left = m;
        l *= r;
    }
    if (steps == 0 && n > 0) y[0] = x[0];
}

/* cg: cg_fft */
/* y[k] = sum over j of x[j] exp(-+ 2 pi i j k / n) of each of the rows, + if `back`, not scaled.
 * spare is for its use: 17 n + 16 numbers. */
static void cg_fft(int64_t rows, int64_t n, int64_t back, const cg_complex128 *restrict x,
                   cg_complex128 *restrict y, cg_complex128 *restrict spare)
{
    const bool positive = back != 0;
    if (cg_fft_largest(n) <= 31) {
        cg_complex128 *w = spare, *other = &spare[n];
        for (int64_t k = 0; k < n; ++k) w[k] = cg_root_of_one(positive ? k : n - k, n);
        for (int64_t i = 0; i < rows; ++i)
            cg_fft_smooth(n, positive, w, &x[i * n], &y[i * n], other);
        return;
    }
    int64_t m = 1;
    while (m < 2 * n - 1) m *= 2;
    cg_complex128 *w = spare, *a = &w[m], *h = &a[m], *other = &h[m], *chirp = &other[m];
    for (int64_t k = 0; k < m; ++k) {
        w[k] = cg_root_of_one(m - k, m);
        h[k] = cg_complex(0.0, 0.0);
    }
    /* j k = (j^2 + k^2 - (k - j)^2) / 2, and exp(pi i j^2 / n) repeats with j^2 modulo 2 n */
    for (int64_t j = 0, square = 0; j < n; ++j) {
        chirp[j] = cg_root_of_one(positive ? square : 2 * n - square, 2 * n);
        h[j] = cg_conj(chirp[j]);
        if (j > 0) h[m - j] = h[j];
        square = (square + 2 * j + 1) % (2 * n);
    }
    cg_fft_smooth(m, false, w, h, h, other);
    const double scale = 1.0 / (double)m;
    for (int64_t i = 0; i < rows; ++i) {
        const cg_complex128 zero = {0.0, 0.0};
        for (int64_t k = 0; k < m; ++k) a[k] = k < n ? cg_cmul(x[i * n + k], chirp[k]) : zero;
        cg_fft_smooth(m, false, w, a, a, other);
        /* the inverse transform is the conjugate of that of the conjugate */
        for (int64_t k = 0; k < m; ++k) a[k] = cg_conj(cg_cmul(a[k], h[k]));
        cg_fft_smooth(m, false, w, a, a, other);
        for (int64_t k = 0; k < n; ++k) {
            const cg_complex128 sum = cg_complex(a[k].re * scale, -a[k].im * scale);
            y[i * n + k] = cg_cmul(chirp[k], sum);
        }
    }
}
