/* Random numbers that are functions of where they stand: no state, so any order of evaluation, any
 * number of threads and any vector length give the same ones.
 *
 * Philox4x64-10 (J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers:
 * as easy as 1, 2, 3", SC 2011): ten rounds turn a counter of four words into four random words. A
 * generator is two words of key and the number d of the draw. The words of the counter are
 *   0  from the index of the element    2  d
 *   1  the attempt of a sampler         3  the lane, where one draw needs several numbers
 * Words 0 and 2 are counted as NumPy's Philox counts, whose raw words these are. */
#pragma once
#include "cg_bits.h"
#include "cg_log.h"
#include "cg_math.h"

#include <math.h>
#include <stdint.h>

/* cg: cg_words */
typedef struct { uint64_t w[4]; } cg_words;

/* cg: cg_high_u64 */
/* The upper half of a product of 128 bits. */
static inline uint64_t cg_high_u64(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)a * b >> 64);
#else
    const uint64_t a0 = a & UINT32_MAX, a1 = a >> 32, b0 = b & UINT32_MAX, b1 = b >> 32;
    const uint64_t low = a1 * b0 + (a0 * b0 >> 32), mid = a0 * b1 + (low & UINT32_MAX);
    return a1 * b1 + (low >> 32) + (mid >> 32);
#endif
}

/* cg: cg_philox */
/* Four random words of a key and a counter. */
static inline cg_words cg_philox(uint64_t key0, uint64_t key1, uint64_t c0, uint64_t c1,
                                 uint64_t c2, uint64_t c3)
{
    const uint64_t m0 = UINT64_C(0xd2e7470ee14c6c93), m1 = UINT64_C(0xca5a826395121157);
    for (int round = 0; round < 10; ++round) {
        const uint64_t high0 = cg_high_u64(m0, c0), low0 = m0 * c0;
        const uint64_t high1 = cg_high_u64(m1, c2), low1 = m1 * c2;
        c0 = high1 ^ c1 ^ key0, c1 = low1;
        c2 = high0 ^ c3 ^ key1, c3 = low0;
        key0 += UINT64_C(0x9e3779b97f4a7c15), key1 += UINT64_C(0xbb67ae8584caa73b);
    }
    return (cg_words){{c0, c1, c2, c3}};
}

/* cg: cg_random_bits */
/* Word i of draw d: four consecutive ones are of one counter, the first of which is 1. */
static inline uint64_t cg_random_bits(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                      int64_t i)
{
    const uint64_t block = ((uint64_t)i >> 2) + 1;
    return cg_philox(key0, key1, block, 0, d, lane).w[i & 3];
}

/* cg: cg_random_child */
/* Word `word` of the generator number `which` that is made of another one. */
static inline uint64_t cg_random_child(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                       int64_t i, int64_t which, int64_t word)
{
    (void)i;
    return word < 2 ? cg_philox(key0, key1, (uint64_t)which, 0, d, lane).w[word] : 0;
}

/* cg: cg_unit */
/* A multiple of 2^-53 from 0 to below 1. */
static inline double cg_unit(uint64_t bits) { return (double)(int64_t)(bits >> 11) * 0x1p-53; }

/* cg: cg_inside */
/* An odd multiple of 2^-53: between 0 and 1, and never one of them. */
static inline double cg_inside(uint64_t bits)
{
    return ((double)(int64_t)(bits >> 12) + 0.5) * 0x1p-52;
}

/* cg: cg_random_unit */
static inline double cg_random_unit(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                    int64_t i)
{
    return cg_unit(cg_random_bits(key0, key1, d, lane, i));
}

/* cg: cg_random_unitf */
/* A multiple of 2^-24 from 0 to below 1. */
static inline float cg_random_unitf(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                    int64_t i)
{
    return (float)(int32_t)(cg_random_bits(key0, key1, d, lane, i) >> 40) * 0x1p-24f;
}

/* cg: cg_random_inside */
static inline double cg_random_inside(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                      int64_t i)
{
    return cg_inside(cg_random_bits(key0, key1, d, lane, i));
}

/* cg: cg_random_integer */
/* An integer from low to below high; INT64_MIN if there is none. Of 2^64 words no integer gets one
 * more than another (D. Lemire, ACM Trans. Model. Comput. Simul. 29, 2019, without rejection). */
static inline int64_t cg_random_integer(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                        int64_t i, int64_t low, int64_t high)
{
    if (high <= low) return INT64_MIN;
    const uint64_t count = (uint64_t)high - (uint64_t)low;
    const uint64_t above = cg_high_u64(cg_random_bits(key0, key1, d, lane, i), count);
    return (int64_t)((uint64_t)low + above);
}

/* cg: cg_normal_tail */
/* What cg_normal_quantile is from q = sqrt(-log p) on, p at most 0.075. */
static double cg_normal_tail(double q)
{
    double a, b, r;
    if (q <= 5.0) {
        r = q - 1.6;
        a = 7.74545014278341407640e-4, b = 1.05075007164441684324e-9;
        a = a * r + 2.27238449892691845833e-2, b = b * r + 5.47593808499534494600e-4;
        a = a * r + 2.41780725177450611770e-1, b = b * r + 1.51986665636164571966e-2;
        a = a * r + 1.27045825245236838258, b = b * r + 1.48103976427480074590e-1;
        a = a * r + 3.64784832476320460504, b = b * r + 6.89767334985100004550e-1;
        a = a * r + 5.76949722146069140550, b = b * r + 1.67638483018380384940;
        a = a * r + 4.63033784615654529590, b = b * r + 2.05319162663775882187;
        a = a * r + 1.42343711074968357734, b = b * r + 1.0;
    } else {
        r = q - 5.0;
        a = 2.01033439929228813265e-7, b = 2.04426310338993978564e-15;
        a = a * r + 2.71155556874348757815e-5, b = b * r + 1.42151175831644588870e-7;
        a = a * r + 1.24266094738807843860e-3, b = b * r + 1.84631831751005468180e-5;
        a = a * r + 2.65321895265761230930e-2, b = b * r + 7.86869131145613259100e-4;
        a = a * r + 2.96560571828504891230e-1, b = b * r + 1.48753612908506148525e-2;
        a = a * r + 1.78482653991729133580, b = b * r + 1.36929880922735805310e-1;
        a = a * r + 5.46378491116411436990, b = b * r + 5.99832206555887937690e-1;
        a = a * r + 6.65790464350110377720, b = b * r + 1.0;
    }
    return a / b;
}

/* cg: cg_normal_quantile */
/* Where the standard normal distribution reaches p, for p between 0 and 1: rational functions of
 * M. J. Wichura, "Algorithm AS 241", Applied Statistics 37, 1988, off by 1.1e-15 of the value. */
static double cg_normal_quantile(double p)
{
    const double q = p - 0.5;
    if (fabs(q) > 0.425) {
        const double x = cg_normal_tail(sqrt(-cg_log(q < 0.0 ? p : 1.0 - p)));
        return q < 0.0 ? -x : x;
    }
    const double r = 0.180625 - q * q;
    double a = 2.5090809287301226727e3, b = 5.2264952788528545610e3;
    a = a * r + 3.3430575583588128105e4, b = b * r + 2.8729085735721942674e4;
    a = a * r + 6.7265770927008700853e4, b = b * r + 3.9307895800092710610e4;
    a = a * r + 4.5921953931549871457e4, b = b * r + 2.1213794301586595867e4;
    a = a * r + 1.3731693765509461125e4, b = b * r + 5.3941960214247511077e3;
    a = a * r + 1.9715909503065514427e3, b = b * r + 6.8718700749205790830e2;
    a = a * r + 1.3314166789178437745e2, b = b * r + 4.2313330701600911252e1;
    a = a * r + 3.3871328727963666080, b = b * r + 1.0;
    return q * a / b;
}

/* cg: cg_random_normal */
static inline double cg_random_normal(uint64_t key0, uint64_t key1, uint64_t d, uint64_t lane,
                                      int64_t i)
{
    return cg_normal_quantile(cg_random_inside(key0, key1, d, lane, i));
}
