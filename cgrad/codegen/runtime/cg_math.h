/* Arithmetic with defined results, and NumPy's meaning, for every input.
 *
 * A generated file contains only the functions it uses: each one begins after a line of the form
 * "/" "* cg: name *" "/" and may call those above it.  Names end in f for float, _i64 for int64_t.
 */
#pragma once
#include "cg_abi.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* cg: cg_independent */
/* No iteration of the loop touches what another one stores: addresses need no comparison. */
#if defined(__GNUC__) && !defined(__clang__)
#define cg_independent _Pragma("GCC ivdep")
#elif defined(__clang__)
#define cg_independent _Pragma("clang loop vectorize(assume_safety)")
#else
#define cg_independent
#endif

/* cg: cg_min_i64 */
static inline int64_t cg_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }

/* cg: cg_max_i64 */
static inline int64_t cg_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

/* cg: cg_min_u64 */
static inline uint64_t cg_min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* cg: cg_max_u64 */
static inline uint64_t cg_max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* cg: cg_abs_i64 */
static inline int64_t cg_abs_i64(int64_t a) { return a < 0 ? (int64_t)(0 - (uint64_t)a) : a; }

/* cg: cg_wrap */
/* A position counted from the end when negative; beyond 2^61 it is out of every range, and kept
 * where sums and differences of positions fit. */
static inline int64_t cg_wrap(int64_t i, int64_t n)
{
    const int64_t far = INT64_C(1) << 61;
    if (i < 0) return i < -far ? -far : i + n;
    return i > far ? far : i;
}

/* cg: cg_floor_div_i64 */
/* Rounded down; 0 for b = 0, and the one overflow wraps: the hardware would trap on both. */
static inline int64_t cg_floor_div_i64(int64_t a, int64_t b)
{
    if (b == 0) return 0;
    if (b == -1) return (int64_t)(0 - (uint64_t)a);
    return a / b - ((a % b != 0) & ((a < 0) != (b < 0)));
}

/* cg: cg_mod_i64 */
/* The sign of b; 0 for b = 0. */
static inline int64_t cg_mod_i64(int64_t a, int64_t b)
{
    if (b == 0 || b == -1) return 0;
    const int64_t r = a % b;
    return r + (((r != 0) & ((r < 0) != (b < 0))) ? b : 0);
}

/* cg: cg_floor_div_u64 */
static inline uint64_t cg_floor_div_u64(uint64_t a, uint64_t b) { return b ? a / b : 0; }

/* cg: cg_mod_u64 */
static inline uint64_t cg_mod_u64(uint64_t a, uint64_t b) { return b ? a % b : 0; }

/* cg: cg_pow_u64 */
/* Modulo 2^64. */
static inline uint64_t cg_pow_u64(uint64_t a, uint64_t b)
{
    uint64_t result = 1;
    for (; b; b >>= 1) {
        if (b & 1) result *= a;
        a *= a;
    }
    return result;
}

/* cg: cg_pow_i64 */
/* Modulo 2^64; a negative exponent gives the quotient 1 / a^-b rounded towards 0. */
static inline int64_t cg_pow_i64(int64_t a, int64_t b)
{
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    uint64_t result = 1, base = (uint64_t)a;
    for (uint64_t e = (uint64_t)b; e; e >>= 1) {
        if (e & 1) result *= base;
        base *= base;
    }
    return (int64_t)result;
}

/* cg: cg_to_i64 */
/* The nearest end of the range outside of it, the smallest integer for nan. */
static inline int64_t cg_to_i64(double x)
{
    if (x >= 9223372036854775808.0) return INT64_MAX;
    return x >= -9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}

/* cg: cg_to_u64 */
static inline uint64_t cg_to_u64(double x)
{
    if (x >= 18446744073709551616.0) return UINT64_MAX;
    return x > 0 ? (uint64_t)x : 0;
}

/* cg: cg_max */
static inline double cg_max(double a, double b) { return (a >= b || isnan(a)) ? a : b; }

/* cg: cg_maxf */
static inline float cg_maxf(float a, float b) { return (a >= b || isnan(a)) ? a : b; }

/* cg: cg_min */
static inline double cg_min(double a, double b) { return (a <= b || isnan(a)) ? a : b; }

/* cg: cg_minf */
static inline float cg_minf(float a, float b) { return (a <= b || isnan(a)) ? a : b; }

/* cg: cg_max_of */
/* In 16 lanes, so that vectors can be used: the largest of x[0], ..., x[n - 1],
 * nan if one is nan, -INFINITY if there is none. */
static inline double cg_max_of(int64_t n, const double *x)
{
    double lane[16] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    int64_t i = 0;
    if (n >= 16) {
        for (int l = 0; l < 16; ++l) lane[l] = x[l];
        for (i = 16; i + 16 <= n; i += 16)
            for (int l = 0; l < 16; ++l) lane[l] = cg_max(lane[l], x[i + l]);
        for (int l = 0; l < 8; ++l) lane[l] = cg_max(lane[l], lane[l + 8]);
        for (int l = 0; l < 4; ++l) lane[l] = cg_max(lane[l], lane[l + 4]);
    }
    for (; i + 4 <= n; i += 4)
        for (int l = 0; l < 4; ++l) lane[l] = cg_max(lane[l], x[i + l]);
    double found = cg_max(cg_max(lane[0], lane[2]), cg_max(lane[1], lane[3]));
    for (i = n - n % 4; i < n; ++i) found = cg_max(found, x[i]);
    return found;
}

/* cg: cg_min_of */
/* The smallest in the same way; nan if one is nan, INFINITY if there is none. */
static inline double cg_min_of(int64_t n, const double *x)
{
    double lane[16] = {INFINITY, INFINITY, INFINITY, INFINITY};
    int64_t i = 0;
    if (n >= 16) {
        for (int l = 0; l < 16; ++l) lane[l] = x[l];
        for (i = 16; i + 16 <= n; i += 16)
            for (int l = 0; l < 16; ++l) lane[l] = cg_min(lane[l], x[i + l]);
        for (int l = 0; l < 8; ++l) lane[l] = cg_min(lane[l], lane[l + 8]);
        for (int l = 0; l < 4; ++l) lane[l] = cg_min(lane[l], lane[l + 4]);
    }
    for (; i + 4 <= n; i += 4)
        for (int l = 0; l < 4; ++l) lane[l] = cg_min(lane[l], x[i + l]);
    double found = cg_min(cg_min(lane[0], lane[2]), cg_min(lane[1], lane[3]));
    for (i = n - n % 4; i < n; ++i) found = cg_min(found, x[i]);
    return found;
}

/* cg: cg_sign */
static inline double cg_sign(double x) { return isnan(x) ? x : (double)((x > 0) - (x < 0)); }

/* cg: cg_signf */
static inline float cg_signf(float x) { return isnan(x) ? x : (float)((x > 0) - (x < 0)); }

/* cg: cg_mod */
/* The remainder of the quotient rounded down: the sign of b, and b itself where fmod is exact. */
static inline double cg_mod(double a, double b)
{
    const double r = fmod(a, b);
    if (b == 0) return r;
    if (r == 0) return copysign(0.0, b);
    return (b < 0) != (r < 0) ? r + b : r;
}

/* cg: cg_modf */
static inline float cg_modf(float a, float b)
{
    const float r = fmodf(a, b);
    if (b == 0) return r;
    if (r == 0) return copysignf(0.0f, b);
    return (b < 0) != (r < 0) ? r + b : r;
}

/* cg: cg_floor_div */
/* (a - a mod b) / b, snapped to the integer it stands for, as in NumPy. */
static inline double cg_floor_div(double a, double b)
{
    if (b == 0) return a / b;
    double r = fmod(a, b), q = (a - r) / b;
    if (r != 0 && (b < 0) != (r < 0)) q -= 1.0;
    if (q == 0) return copysign(0.0, a / b);
    const double down = floor(q);
    return q - down > 0.5 ? down + 1.0 : down;
}

/* cg: cg_floor_divf */
static inline float cg_floor_divf(float a, float b)
{
    if (b == 0) return a / b;
    float r = fmodf(a, b), q = (a - r) / b;
    if (r != 0 && (b < 0) != (r < 0)) q -= 1.0f;
    if (q == 0) return copysignf(0.0f, a / b);
    const float down = floorf(q);
    return q - down > 0.5f ? down + 1.0f : down;
}

/* cg: cg_before */
/* Whether a stands before b in sorted order: nan is the largest. */
static inline bool cg_before(double a, double b) { return a < b || (isnan(b) && !isnan(a)); }

/* cg: cg_argsort_f64 */
/* The order in which x is sorted: stable, nan last. A merge sort from short runs upwards. */
static void cg_argsort_f64(int64_t n, const double *x, int64_t *order, int64_t *other)
{
    for (int64_t i = 0; i < n; ++i) {
        int64_t k = i;
        const int64_t first = i / 16 * 16;
        for (; k > first && cg_before(x[i], x[order[k - 1]]); --k) order[k] = order[k - 1];
        order[k] = i;
    }
    for (int64_t run = 16; run < n; run *= 2) {
        for (int64_t low = 0; low < n; low += 2 * run) {
            const int64_t middle = cg_min_i64(low + run, n), high = cg_min_i64(low + 2 * run, n);
            int64_t a = low, b = middle;
            for (int64_t k = low; k < high; ++k) {
                const int from_b = b < high && (a == middle || cg_before(x[order[b]], x[order[a]]));
                other[k] = from_b ? order[b++] : order[a++];
            }
        }
        memcpy(order, other, (size_t)n * sizeof *order);
    }
}

/* cg: cg_argsort_f32 */
/* The order in which x is sorted: stable, nan last. A merge sort from short runs upwards. */
static void cg_argsort_f32(int64_t n, const float *x, int64_t *order, int64_t *other)
{
    for (int64_t i = 0; i < n; ++i) {
        int64_t k = i;
        const int64_t first = i / 16 * 16;
        for (; k > first && cg_before(x[i], x[order[k - 1]]); --k) order[k] = order[k - 1];
        order[k] = i;
    }
    for (int64_t run = 16; run < n; run *= 2) {
        for (int64_t low = 0; low < n; low += 2 * run) {
            const int64_t middle = cg_min_i64(low + run, n), high = cg_min_i64(low + 2 * run, n);
            int64_t a = low, b = middle;
            for (int64_t k = low; k < high; ++k) {
                const int from_b = b < high && (a == middle || cg_before(x[order[b]], x[order[a]]));
                other[k] = from_b ? order[b++] : order[a++];
            }
        }
        memcpy(order, other, (size_t)n * sizeof *order);
    }
}

/* cg: cg_argsort_i64 */
/* The order in which x is sorted: stable, nan last. A merge sort from short runs upwards. */
static void cg_argsort_i64(int64_t n, const int64_t *x, int64_t *order, int64_t *other)
{
    for (int64_t i = 0; i < n; ++i) {
        int64_t k = i;
        const int64_t first = i / 16 * 16;
        for (; k > first && x[i] < x[order[k - 1]]; --k) order[k] = order[k - 1];
        order[k] = i;
    }
    for (int64_t run = 16; run < n; run *= 2) {
        for (int64_t low = 0; low < n; low += 2 * run) {
            const int64_t middle = cg_min_i64(low + run, n), high = cg_min_i64(low + 2 * run, n);
            int64_t a = low, b = middle;
            for (int64_t k = low; k < high; ++k) {
                const int from_b = b < high && (a == middle || x[order[b]] < x[order[a]]);
                other[k] = from_b ? order[b++] : order[a++];
            }
        }
        memcpy(order, other, (size_t)n * sizeof *order);
    }
}

/* cg: cg_argsort_u64 */
/* The order in which x is sorted: stable, nan last. A merge sort from short runs upwards. */
static void cg_argsort_u64(int64_t n, const uint64_t *x, int64_t *order, int64_t *other)
{
    for (int64_t i = 0; i < n; ++i) {
        int64_t k = i;
        const int64_t first = i / 16 * 16;
        for (; k > first && x[i] < x[order[k - 1]]; --k) order[k] = order[k - 1];
        order[k] = i;
    }
    for (int64_t run = 16; run < n; run *= 2) {
        for (int64_t low = 0; low < n; low += 2 * run) {
            const int64_t middle = cg_min_i64(low + run, n), high = cg_min_i64(low + 2 * run, n);
            int64_t a = low, b = middle;
            for (int64_t k = low; k < high; ++k) {
                const int from_b = b < high && (a == middle || x[order[b]] < x[order[a]]);
                other[k] = from_b ? order[b++] : order[a++];
            }
        }
        memcpy(order, other, (size_t)n * sizeof *order);
    }
}

/* cg: cg_search_f64 */
/* How many elements of the sorted x stand before *v, nan last; with after, equal ones too. */
static void cg_search_f64(int64_t n, int64_t after, const double *x, const double *v,
                          int64_t *count)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int before = after ? !(cg_before(*v, x[middle])) : cg_before(x[middle], *v);
        if (before) low = middle + 1;
        else high = middle;
    }
    *count = low;
}

/* cg: cg_search_i64 */
/* How many elements of the sorted x stand before *v; with after, equal ones too. */
static void cg_search_i64(int64_t n, int64_t after, const int64_t *x, const int64_t *v,
                          int64_t *count)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int before = after ? !(*v < x[middle]) : x[middle] < *v;
        if (before) low = middle + 1;
        else high = middle;
    }
    *count = low;
}

/* cg: cg_search_u64 */
/* How many elements of the sorted x stand before *v; with after, equal ones too. */
static void cg_search_u64(int64_t n, int64_t after, const uint64_t *x, const uint64_t *v,
                          int64_t *count)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int before = after ? !(*v < x[middle]) : x[middle] < *v;
        if (before) low = middle + 1;
        else high = middle;
    }
    *count = low;
}

/* cg: cg_threads */
/* How many threads share `count` iterations of a cost in additions; none is given less than
 * CG_GRAIN, some 50 us. */
#ifndef CG_GRAIN
#define CG_GRAIN 500000.0
#endif
static inline int64_t cg_threads(int64_t most, int64_t count, int64_t cost)
{
    const double worth = (double)count * (double)cost / CG_GRAIN;
    if (most > 64) most = 64;
    if (most > count) most = count;
    if ((double)most > worth) most = (int64_t)worth;
    return most < 1 ? 1 : most;
}

/* cg: cg_hold */
/* Written around calls of code that takes locks or memory: a BLAS, threads. Ctrl-C leaves a kernel
 * at once, but there only when `on` is 0 again. */
static inline void cg_hold(const cg_rt *rt, int on)
{
    if (rt->hold != NULL) rt->hold(on);
}

/* cg: cg_cut */
/* Where chunk k of `count` iterations begins when they are cut in `chunks` of equal length. */
static inline int64_t cg_cut(int64_t count, int64_t k, int64_t chunks)
{
    return count / chunks * k + (k < count % chunks ? k : count % chunks);
}

/* cg: cg_times */
/* A product of sizes; INT64_MAX when it does not fit. */
static inline int64_t cg_times(int64_t a, int64_t b)
{
    if (a <= 0 || b <= 0) return 0;
    return a > INT64_MAX / b ? INT64_MAX : a * b;
}

/* cg: cg_plus */
/* A sum of sizes; INT64_MAX when it does not fit. */
static inline int64_t cg_plus(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* cg: cg_slot */
/* Bytes for `count` elements of `bytes` each, rounded up to a cache line. */
static inline int64_t cg_slot(int64_t count, int64_t bytes)
{
    const int64_t total = cg_times(count, bytes);
    return total > INT64_MAX - 63 ? INT64_MAX : (total + 63) / 64 * 64;
}

/* cg: cg_skip */
/* The same for a count that is known to fit. */
static inline int64_t cg_skip(int64_t count, int64_t bytes)
{
    return (count * bytes + 63) / 64 * 64;
}

/* cg: cg_fail */
/* Fill in the status of a check that does not hold. */
static int64_t cg_fail(cg_status *st, int64_t code, int64_t tag, int64_t axis, int64_t found,
                       int64_t expected)
{
    st->code = code;
    st->tag = tag;
    st->axis = axis;
    st->found = found;
    st->expected = expected;
    return code;
}
