/* Preloaded: one allocation of at least `least` bytes fails, the `countdown`-th from now on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static __thread long countdown = -1;
static __thread size_t least;

/* The k-th allocation of this thread fails. */
void fail_allocation(long k, size_t bytes)
{
    least = bytes;
    countdown = k;
}

/* No more failures; whether the one that was to come has come. */
int stop_failing(void)
{
    const int came = countdown < 0;
    countdown = -1;
    return came;
}

static int fails(size_t bytes)
{
    if (countdown < 0 || bytes < least) return 0;
    if (countdown-- > 0) return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t bytes) { return fails(bytes) ? NULL : __libc_malloc(bytes); }

void *calloc(size_t count, size_t bytes)
{
    return fails(count * bytes) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    return fails(bytes) ? NULL : __libc_realloc(block, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return fails(bytes) ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    if (fails(bytes)) return ENOMEM;
    *block = __libc_memalign(alignment, bytes);
    return *block == NULL ? ENOMEM : 0;
}
