/* Unevaluated sums of two numbers, for steps that must not lose what a rounding drops. */
#pragma once
#include "cg_bits.h"

/* cg: cg_twofold */
/* high + low, where low is below the last bit of high. */
typedef struct {
    double high, low;
} cg_twofold;

/* cg: cg_two_sum */
/* a + b without error (D. Knuth, The Art of Computer Programming 2, 4.2.2). */
cg_inline cg_twofold cg_two_sum(double a, double b)
{
    const double sum = a + b, part = sum - a;
    return (cg_twofold){sum, (a - (sum - part)) + (b - part)};
}

/* cg: cg_add_small */
/* a + b without error where |a| >= |b| or a = 0 (T. J. Dekker, Numerische Mathematik 18, 1971). */
cg_inline cg_twofold cg_add_small(double a, double b)
{
    const double sum = a + b;
    return (cg_twofold){sum, b - (sum - a)};
}
