/* The one interface between a cgrad kernel and whoever calls it.
 *
 * A generated file starts with this text, so it can be compiled on its own. A kernel exports
 * cg_sizes, cg_work and cg_entry, which are called in this order. They keep no state: any
 * number of threads may call them at once. */
#ifndef CG_ABI_H
#define CG_ABI_H

#include <stdint.h>

#if defined(__GNUC__)
#define CG_EXPORT __attribute__((visibility("default")))
#else
#define CG_EXPORT
#endif

/* A C-contiguous, aligned array in native byte order. The rank and the dtype are fixed when
 * the kernel is generated; a 0-d array has one element and no shape. */
typedef struct {
    void *data;
    int64_t *shape;
} cg_array;

/* What went wrong: a code below, the tag of the graph node it belongs to, the axis, and the
 * sizes or the index that were found and expected. Fields without a meaning are -1 or 0. */
typedef struct {
    int64_t code, tag, axis, found, expected;
} cg_status;

/* Any function; one that is called is cast to its own type first. */
typedef void (*cg_foreign)(void);

/* What a kernel may use of the process it runs in. New members are added at the end only;
 * a kernel compares bytes with offsetof() before it uses one that its ABI version added. */
typedef struct {
    int64_t bytes;                   /* sizeof(cg_rt) for the caller */
    int64_t num_threads;             /* the most threads a kernel may use, at least 1 */
    void (*hold)(int on);            /* NULL, or see cg_hold: who holds on is not left */
    cg_foreign blas[32];             /* NULL where not loaded */
    cg_foreign lapack[64];
} cg_rt;

enum {
    CG_OK = 0,
    CG_SHAPE,       /* a size differs from the one expected */
    CG_INDEX,       /* an index outside its axis */
    CG_EMPTY,       /* a reduction without identity over nothing */
    CG_VALUE,       /* an argument's value is not allowed */
    CG_INTERRUPTED, /* the kernel was left because the user asked to stop */
    CG_MEMORY       /* something is too large */
};

/* Fills size with the named sizes from the shapes (and, where a size is a value of the graph,
 * the data) of in; checks them; fills out[i].shape with upper bounds of the output shapes. */
CG_EXPORT int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st);

/* The bytes of workspace that cg_entry needs for these sizes; INT64_MAX if beyond counting. */
CG_EXPORT int64_t cg_work(const int64_t *size);

/* Computes. It takes no lock and allocates nothing, so that it may be left at any instruction, by
 * longjmp, but for what it does between cg_hold(rt, 1) and cg_hold(rt, 0). work is aligned to 64
 * bytes, inputs and outputs do not overlap. Where an output is smaller than its bound, its true
 * shape is written back and its data is compact in it. */
CG_EXPORT int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out,
                           const int64_t *size, void *work, cg_status *st);

#endif
