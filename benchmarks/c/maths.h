/* Elementary functions that gcc vectorises: those of glibc's libmvec where it has them, which are what
   a C programmer has at hand (within 4 ULP, and other bits in a loop's remainder than in its body;
   the functions of cgrad's own, which promise more, are about as fast). Elsewhere those of libm.  */
#ifndef MATHS_H
#define MATHS_H
#include <math.h>
#if defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__) && defined(__x86_64__)
#define VECTOR __attribute__((simd("notinbranch")))
VECTOR double exp(double);
VECTOR double log(double);
VECTOR double sin(double);
VECTOR double cos(double);
#if __GLIBC_PREREQ(2, 35)
VECTOR double log1p(double);
VECTOR double tanh(double);
#endif
#undef VECTOR
#endif
#endif
