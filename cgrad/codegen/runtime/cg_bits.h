/* Bit patterns of floating-point numbers; memcpy is the conversion that every compiler optimises.
 */
#pragma once
#include <stdint.h>
#include <string.h>

/* cg: cg_bits */
static inline uint64_t cg_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* cg: cg_bitsf */
static inline uint32_t cg_bitsf(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* cg: cg_from_bits */
static inline double cg_from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* cg: cg_from_bitsf */
static inline float cg_from_bitsf(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
