/* Sine, cosine, tangent; see cg_exp.h for what all elementary functions have in common.
 *
 * Reduction: x = k pi/2 + h + l with |h| <= pi/4 and l the part of the rest that h cannot hold.
 *   near, |x| <= 2^32: pi/2 in three parts. x - k C1 is exact with fma, as it is a multiple of the
 *     last bit of x or of C1 and below one (S. Boldo, M. Daumas, R.-C. Li, Formally verified
 *     argument reduction with a fused multiply-add, IEEE Trans. Computers 58, 2009).
 *   far: x times 192 bits of 2/pi, of which those that stand for multiples of four are left out
 *     (M. Payne, R. Hanek, Radian reduction for trigonometric functions, SIGNUM Newsletter 18,
 *     1983), in four words from a table. No double is closer than 2^-62 to a multiple of pi/2.
 *
 * The polynomials are minimax fits of our own (Remez exchange in 200 bits) on [0, pi/4]; how l
 * enters is from fdlibm's __kernel_sin and __kernel_cos. */
#pragma once
#include "cg_bits.h"
#include "cg_call.h"
#include "cg_twofold.h"

#include <math.h>
#include <stdbool.h>

/* cg: cg_angle */
/* k pi/2 + high + low, where the last two bits of `quarters` are those of k. */
typedef struct {
    double high, low;
    uint64_t quarters;
} cg_angle;

/* cg: cg_two_over_pi */
/* Entry i: bits 16 i - 31 to 16 i + 16 behind the point of 2/pi, times 2^256. */
static const double cg_two_over_pi[72] = {
    0x00000000a2f9p+240, 0x0000a2f9836ep+224, 0xa2f9836e4e44p+208, 0x836e4e441529p+192,
    0x4e441529fc27p+176, 0x1529fc2757d1p+160, 0xfc2757d1f534p+144, 0x57d1f534ddc0p+128,
    0xf534ddc0db62p+112, 0xddc0db629599p+96, 0xdb6295993c43p+80, 0x95993c439041p+64,
    0x3c439041fe51p+48, 0x9041fe5163abp+32, 0xfe5163abdebbp+16, 0x63abdebbc561p+0,
    0xdebbc561b724p-16, 0xc561b7246e3ap-32, 0xb7246e3a424dp-48, 0x6e3a424dd2e0p-64,
    0x424dd2e00649p-80, 0xd2e006492eeap-96, 0x06492eea09d1p-112, 0x2eea09d1921cp-128,
    0x09d1921cfe1dp-144, 0x921cfe1deb1cp-160, 0xfe1deb1cb129p-176, 0xeb1cb129a73ep-192,
    0xb129a73ee882p-208, 0xa73ee88235f5p-224, 0xe88235f52ebbp-240, 0x35f52ebb4484p-256,
    0x2ebb4484e99cp-272, 0x4484e99c7026p-288, 0xe99c7026b45fp-304, 0x7026b45f7e41p-320,
    0xb45f7e413991p-336, 0x7e413991d639p-352, 0x3991d6398353p-368, 0xd639835339f4p-384,
    0x835339f49c84p-400, 0x39f49c845f8bp-416, 0x9c845f8bbdf9p-432, 0x5f8bbdf9283bp-448,
    0xbdf9283b1ff8p-464, 0x283b1ff897ffp-480, 0x1ff897ffde05p-496, 0x97ffde05980fp-512,
    0xde05980fef2fp-528, 0x980fef2f118bp-544, 0xef2f118b5a0ap-560, 0x118b5a0a6d1fp-576,
    0x5a0a6d1f6d36p-592, 0x6d1f6d367ecfp-608, 0x6d367ecf27cbp-624, 0x7ecf27cb09b7p-640,
    0x27cb09b74f46p-656, 0x09b74f463f66p-672, 0x4f463f669e5fp-688, 0x3f669e5fea2dp-704,
    0x9e5fea2d7527p-720, 0xea2d7527bac7p-736, 0x7527bac7ebe5p-752, 0xbac7ebe5f17bp-768,
    0xebe5f17b3d07p-784, 0xf17b3d0739f7p-800, 0x3d0739f78a52p-816, 0x39f78a5292eap-832,
    0x8a5292ea6bfbp-848, 0x92ea6bfb5fb1p-864, 0x6bfb5fb11f8dp-880, 0x5fb11f8d5d08p-896,
};

/* cg: cg_reduce_near */
cg_inline cg_angle cg_reduce_near(double x)
{
    const double c2 = 0x1.1a62633145c07p-54, shifted = fma(x, 0x1.45f306dc9c883p-1, 0x1.8p52);
    const double k = shifted - 0x1.8p52;
    const double rest = fma(k, -0x1.921fb54442d18p+0, x);
    const double product = k * c2;
    const cg_twofold h = cg_two_sum(rest, -product);
    const double low = fma(k, 0x1.f1976b7ed8fbcp-110, h.low - fma(k, c2, -product));
    return (cg_angle){h.high, low, cg_bits(shifted)};
}

/* cg: cg_reduce_far */
/* Computed in turns of 2 pi, of which whole ones are cut off word by word; what words 0 and 1 of
 * 2/pi give is a multiple of a bit so large that this makes no error. For |x| >= 2^22. */
cg_inline cg_angle cg_reduce_far(double x)
{
    const int64_t above = (int64_t)(cg_bits(x) >> 52 & 2047) - (1023 + 22);
    const int64_t i = (above & ~(above >> 63)) >> 4;
    const double y = x * 0x1p-258;
    const double p0 = y * cg_two_over_pi[i], q0 = fma(y, cg_two_over_pi[i], -p0);
    const double p1 = y * cg_two_over_pi[i + 3], q1 = fma(y, cg_two_over_pi[i + 3], -p1);
    const double p2 = y * cg_two_over_pi[i + 6], q2 = fma(y, cg_two_over_pi[i + 6], -p2);
    const double rest = fma(y, cg_two_over_pi[i + 9], q2);
    const double whole = (p0 - rint(p0)) + (q0 - rint(q0));
    const cg_twofold a = cg_two_sum(whole, p1 - rint(p1));
    const cg_twofold b = cg_two_sum(p2, q1);
    const cg_twofold c = cg_two_sum(b.high, a.low);
    const double shifted = a.high + 0x1.8p50;
    const cg_twofold d = cg_two_sum(a.high - (shifted - 0x1.8p50), c.high);
    const double small = d.low + (c.low + (b.low + rest));
    const double turns = d.high + small, low = small - (turns - d.high);
    const double high = turns * 0x1.921fb54442d18p+2;
    const double error = fma(turns, 0x1.921fb54442d18p+2, -high);
    const double tail = fma(turns, 0x1.1a62633145c07p-52, low * 0x1.921fb54442d18p+2);
    return (cg_angle){high, error + tail, cg_bits(shifted)};
}

/* cg: cg_sin_tail */
/* h - sin(h + l) for |h| <= pi/4, off by 2^-57 of sin(h); +0 for both zeros. */
cg_inline double cg_sin_tail(double h, double l)
{
    const double h2 = h * h;
    double s = fma(h2, -0x1.5d8f5f881b8d0p-33, 0x1.ae5e59132092bp-26);
    s = fma(h2, s, -0x1.71de3565fa2edp-19);
    s = fma(h2, s, 0x1.a01a019bfbe02p-13);
    s = fma(h2, s, -0x1.111111110f7c0p-7);
    s = fma(h2, s, 0x1.5555555555548p-3);
    return fma(h * h2, s, fma(0.5 * h2, l, -l));
}

/* cg: cg_cos_parts */
/* cos(h + l) for |h| <= pi/4 as a sum, off by 2^-64. */
cg_inline cg_twofold cg_cos_parts(double h, double l)
{
    const double h2 = h * h, half = -0.5 * h;
    double c = fma(h2, -0x1.8fae52e51b2f1p-37, 0x1.1ee9eb600915cp-29);
    c = fma(h2, c, -0x1.27e4f8092e8bfp-22);
    c = fma(h2, c, 0x1.a01a019cb0bc5p-16);
    c = fma(h2, c, -0x1.6c16c16c15174p-10);
    c = fma(h2, c, 0x1.555555555554cp-5);
    const double one = fma(half, h, 1.0), low = fma(half, h, 1.0 - one);
    return (cg_twofold){one, fma(h2 * h2, c, fma(-h, l, low))};
}

/* cg: cg_sin_quarter */
/* The sine of an angle that is turned by `more` quarters. */
cg_inline double cg_sin_quarter(cg_angle a, uint64_t more)
{
    const uint64_t k = a.quarters + more;
    const cg_twofold c = cg_cos_parts(a.high, a.low);
    const double sine = a.high - cg_sin_tail(a.high, a.low), cosine = c.high + c.low;
    return cg_from_bits(cg_bits(k & 1 ? cosine : sine) ^ (k & 2) << 62);
}

/* cg: cg_sin_near */
cg_inline double cg_sin_near(double x) { return cg_sin_quarter(cg_reduce_near(x), 0); }

/* cg: cg_sin_far */
cg_inline double cg_sin_far(double x) { return cg_sin_quarter(cg_reduce_far(x), 0); }

/* cg: cg_sin = sin */
/* Any finite x; nan of an infinite one. */
cg_near_or_far(cg_sin, cg_sin_near, cg_sin_far);

/* cg: cg_cos_near */
cg_inline double cg_cos_near(double x) { return cg_sin_quarter(cg_reduce_near(x), 1); }

/* cg: cg_cos_far */
cg_inline double cg_cos_far(double x) { return cg_sin_quarter(cg_reduce_far(x), 1); }

/* cg: cg_cos = cos */
/* Any finite x; nan of an infinite one. */
cg_near_or_far(cg_cos, cg_cos_near, cg_cos_far);

/* cg: cg_tan_angle */
/* The quotient of sums for sin and cos, with one division. */
cg_inline double cg_tan_angle(cg_angle a)
{
    const cg_twofold c = cg_cos_parts(a.high, a.low);
    const double tail = cg_sin_tail(a.high, a.low), sine = a.high - tail;
    const double sine_low = (a.high - sine) - tail, cosine = c.high + c.low;
    const double cosine_low = c.low - (cosine - c.high);
    const bool odd = a.quarters & 1;
    const double n = odd ? -cosine : sine, n_low = odd ? -cosine_low : sine_low;
    const double d = odd ? sine : cosine, d_low = odd ? sine_low : cosine_low;
    const double inverse = 1.0 / d, q = n * inverse;
    return q - fma(q, d_low, fma(q, d, -n) - n_low) * inverse;
}

/* cg: cg_tan_near */
cg_inline double cg_tan_near(double x) { return cg_tan_angle(cg_reduce_near(x)); }

/* cg: cg_tan_far */
cg_inline double cg_tan_far(double x) { return cg_tan_angle(cg_reduce_far(x)); }

/* cg: cg_tan = tan */
/* Any finite x; nan of an infinite one. */
cg_near_or_far(cg_tan, cg_tan_near, cg_tan_far);

/* cg: cg_anglef */
/* k pi/2 + rest, where the last two bits of `quarters` are those of k. */
typedef struct {
    double rest;
    uint64_t quarters;
} cg_anglef;

/* cg: cg_reducef */
/* The same for a float x, in double: pi/2 in two parts below 2^48, above it 106 bits of 2/pi in two
 * words chosen by the exponent. No float is closer than 2^-31 to a multiple of pi/2. */
cg_inline cg_anglef cg_reducef(double x)
{
    const double size = fabs(x);
    const double n1 = fma(x, 0x1.45f306dc9c883p-1, 0x1.8p52), k1 = n1 - 0x1.8p52;
    const double near = fma(k1, -0x1.1a62633145c07p-54, fma(k1, -0x1.921fb54442d18p+0, x));
    const bool b1 = size >= 0x1p68, b2 = size >= 0x1p88, b3 = size >= 0x1p108;
    const double w0 = b3 ? 0x1.7d1f534ddc0dbp-84 : b2 ? 0x1.fc2757d1f534dp-64
                    : b1 ? 0x1.054a7f09d5f44p-46 : 0x1.6e4e441529fc2p-24;
    const double w1 = b3 ? 0x1.8a5664f10e410p-138 : b2 ? 0x1.b81b6c52b3279p-117
                    : b1 ? 0x1.ea69bb81b6c53p-97 : 0x1.d5f47d4d37703p-78;
    const double product = x * w0, n2 = product + 0x1.8p52;
    const double part = (product - (n2 - 0x1.8p52)) + fma(x, w0, -product);
    const double far = fma(x, w1, part) * 0x1.921fb54442d18p+0;
    const bool is_near = size < 0x1p48;
    return (cg_anglef){is_near ? near : far, cg_bits(is_near ? n1 : n2)};
}

/* cg: cg_sin_nearf */
/* sin(h) for |h| <= pi/4, off by 2^-37. */
cg_inline double cg_sin_nearf(double h)
{
    const double h2 = h * h;
    double s = fma(h2, 0x1.6cd151589c514p-19, -0x1.a00f7c86ded09p-13);
    s = fma(h2, s, 0x1.111108671f6dbp-7);
    s = fma(h2, s, -0x1.5555554c6d584p-3);
    return h * fma(h2, s, 1.0);
}

/* cg: cg_cos_nearf */
/* cos(h) for |h| <= pi/4, off by 2^-33. */
cg_inline double cg_cos_nearf(double h)
{
    const double h2 = h * h;
    const double c1 = fma(h2, 0x1.9a0198169db41p-16, -0x1.6c0c892e8d62ep-10);
    const double c = fma(h2, c1, 0x1.55554ab009788p-5);
    return fma(h2 * h2, c, fma(-0.5, h2, 1.0));
}

/* cg: cg_sin_quarterf */
/* The sine of an angle that is turned by `more` quarters. */
cg_inline float cg_sin_quarterf(cg_anglef a, uint64_t more)
{
    const uint64_t k = a.quarters + more;
    const double y = k & 1 ? cg_cos_nearf(a.rest) : cg_sin_nearf(a.rest);
    return (float)cg_from_bits(cg_bits(y) ^ (k & 2) << 62);
}

/* cg: cg_sinf = sinf */
/* Any finite x; nan of an infinite one. */
cg_function float cg_sinf(float x) { return cg_sin_quarterf(cg_reducef((double)x), 0); }

/* cg: cg_cosf = cosf */
/* Any finite x; nan of an infinite one. */
cg_function float cg_cosf(float x) { return cg_sin_quarterf(cg_reducef((double)x), 1); }

/* cg: cg_tanf = tanf */
/* Any finite x; nan of an infinite one. */
cg_function float cg_tanf(float x)
{
    const cg_anglef a = cg_reducef((double)x);
    const double sine = cg_sin_nearf(a.rest), cosine = cg_cos_nearf(a.rest);
    const bool odd = a.quarters & 1;
    return (float)((odd ? -cosine : sine) / (odd ? sine : cosine));
}
