/* Runs one generated kernel without Python: driver PLAN, linked with the kernel.
 *
 * The plan is a file of 64-bit integers: how often to run; the number of arguments; of each the
 * rank, the shape, the bytes, and the elements, padded to 8 bytes; the number of results; of each
 * the rank and the bytes of an element; the number of sizes; the number of threads.
 *
 * Each array lies alone. Compiled with GUARDED it ends, and in every second run begins, at a page
 * that must not be touched, and arguments are read-only pages; otherwise it is a block of malloc,
 * for a sanitizer or valgrind. Memory that the kernel has to fill holds other bytes in each run:
 * results must be the same bits nevertheless. Exit code 0; 3 if they are not; 4 if the status of
 * the kernel differs from run to run. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cg_abi.h"

static int64_t *place, run_number;

static int64_t next(void) { return *place++; }

static void *give(size_t bytes, const void *filling, int fill)
{
    char *data;
#ifdef GUARDED
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inside = bytes == 0 ? page : (bytes + page - 1) / page * page;
    char *block = mmap(NULL, inside + 2 * page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) exit(5);
    data = run_number % 2 ? block + page : block + page + inside - bytes;
    mprotect(block, page, PROT_NONE);
    mprotect(block + page + inside, page, PROT_NONE);
#else
    void *block; /* to the byte: what follows belongs to nobody */
    if (posix_memalign(&block, 64, bytes ? bytes : 1)) exit(5);
    data = block;
#endif
    if (filling != NULL)
        memcpy(data, filling, bytes);
#ifndef UNDEFINED /* for tools that know which bytes are defined */
    else if (bytes)
        memset(data, fill, bytes);
#endif
    (void)fill;
#ifdef GUARDED
    if (filling != NULL) mprotect(block + page, inside, PROT_READ);
#endif
    return data;
}

int main(int count, char **names)
{
    FILE *file = count == 2 ? fopen(names[1], "rb") : NULL;
    if (file == NULL) return 2;
    fseek(file, 0, SEEK_END);
    const size_t length = (size_t)ftell(file);
    rewind(file);
    int64_t *plan = malloc(length + 8);
    if (fread(plan, 1, length, file) != length) return 2;
    int64_t first_code = 0, *kept[512], bytes_of[512];
    const int64_t runs = plan[0];
    for (run_number = 0; run_number < runs; run_number++) {
        place = plan + 1;
        const int fill = run_number % 2 ? 0xff : 0x11;
        const int64_t n_in = next();
        cg_array in[512], out[512];
        for (int64_t k = 0; k < n_in; k++) {
            const int64_t rank = next();
            in[k].shape = give(8 * (size_t)rank, place, 0);
            place += rank;
            const size_t bytes = (size_t)next();
            in[k].data = give(bytes, place, 0);
            place += (bytes + 7) / 8;
        }
        const int64_t n_out = next();
        int64_t rank[512], item[512];
        for (int64_t k = 0; k < n_out; k++) {
            rank[k] = next();
            item[k] = next();
            out[k].data = NULL;
            out[k].shape = give(8 * (size_t)rank[k], NULL, 0);
        }
        int64_t *size = give(8 * (size_t)next(), NULL, 0);
        cg_status status = {0, -1, -1, 0, 0};
        cg_rt runtime = {.bytes = sizeof runtime, .num_threads = next()};
        int64_t code = cg_sizes(in, size, out, &status);
        if (code == CG_OK) {
            for (int64_t k = 0; k < n_out; k++) {
                size_t bytes = (size_t)item[k];
                for (int64_t axis = 0; axis < rank[k]; axis++) bytes *= (size_t)out[k].shape[axis];
                out[k].data = give(bytes, NULL, fill);
            }
            void *work = give((size_t)cg_work(size), NULL, fill);
            code = cg_entry(&runtime, in, out, size, work, &status);
        }
        if (run_number == 0) first_code = code;
        if (code != first_code) return 4;
        if (code != CG_OK) continue;
        for (int64_t k = 0; k < n_out; k++) {
            size_t bytes = (size_t)item[k];
            for (int64_t axis = 0; axis < rank[k]; axis++) bytes *= (size_t)out[k].shape[axis];
            if (run_number == 0) {
                bytes_of[k] = (int64_t)bytes;
                kept[k] = malloc(bytes + 1);
                memcpy(kept[k], out[k].data, bytes);
            } else if (bytes_of[k] != (int64_t)bytes || memcmp(kept[k], out[k].data, bytes) != 0) {
                fprintf(stderr, "result %d differs\n", (int)k);
                return 3;
            }
        }
    }
    printf("status %d\n", (int)first_code);
    return 0;
}

#ifdef THREADS
/* What gcc makes of `#pragma omp parallel for`, by threads that the thread sanitizer knows: it
 * cannot see how libgomp's wait for each other. */
#include <pthread.h>

static __thread int number, members = 1;
typedef struct {
    void (*body)(void *);
    void *data;
    int number, members;
} Member;

static void *work_on(void *member)
{
    const Member *own = member;
    number = own->number;
    members = own->members;
    own->body(own->data);
    return NULL;
}

void GOMP_parallel(void (*body)(void *), void *data, unsigned count, unsigned flags)
{
    pthread_t threads[64];
    Member team[64];
    (void)flags;
    for (unsigned k = 0; k < count; k++) {
        team[k] = (Member){body, data, (int)k, (int)count};
        if (k > 0 && pthread_create(&threads[k], NULL, work_on, &team[k])) exit(5);
    }
    work_on(&team[0]);
    for (unsigned k = 1; k < count; k++) pthread_join(threads[k], NULL);
    members = 1;
}

int omp_get_thread_num(void) { return number; }
int omp_get_num_threads(void) { return members; }
#endif
