/* What a reference defines and how the runner calls it.

   `scratch` and `run` are the reference; `n` has the lengths of all axes of all arguments, one
   after the other. Lengths are not known when it is compiled, as in a generated kernel, and results
   and scratch memory are there when it is called, as a C programmer would have them.            */
#ifndef REFERENCE_H
#define REFERENCE_H
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

/* doubles of scratch memory */
static int64_t scratch(const int64_t *n);
static void run(const int64_t *n, void *const *in, double *const *out, double *work);

EXPORT int64_t reference_scratch(const int64_t *n);
EXPORT double reference_seconds(int cpu, int64_t number, const int64_t *n, void *const *in,
                                double *const *out, double *work);

int64_t reference_scratch(const int64_t *n) { return scratch(n); }

/* seconds that so many calls take, of this process if cpu is not zero, else on the wall */
double reference_seconds(int cpu, int64_t number, const int64_t *n, void *const *in,
                         double *const *out, double *work)
{
    const clockid_t clock = cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
    struct timespec a, b;
    clock_gettime(clock, &a);
    for (int64_t k = 0; k < number; ++k) {
        run(n, in, out, work);
        __asm__ volatile("" ::: "memory"); /* every call happens */
    }
    clock_gettime(clock, &b);
    return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}
#endif
