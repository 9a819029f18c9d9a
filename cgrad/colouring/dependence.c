/* Sets of numbers, one for each element of a tensor, in compressed rows with sorted members. */
#include <stdint.h>

typedef int64_t cg_int;

/* Row k of the result is row source[k], empty where that is negative.  optr is given. */
void cg_select_rows(cg_int m, const cg_int *source, const cg_int *ptr, const cg_int *idx,
                    const cg_int *optr, cg_int *oidx)
{
    for (cg_int k = 0; k < m; ++k) {
        const cg_int s = source[k];
        cg_int to = optr[k];
        if (s >= 0)
            for (cg_int b = ptr[s]; b < ptr[s + 1]; ++b)
                oidx[to++] = idx[b];
    }
}

/* Row k of the result has the members of row k of both.  Returns how many there are. */
cg_int cg_unite_rows(cg_int m, const cg_int *ptr, const cg_int *idx, const cg_int *ptr2,
                     const cg_int *idx2, cg_int *optr, cg_int *oidx)
{
    cg_int to = 0;
    optr[0] = 0;
    for (cg_int k = 0; k < m; ++k) {
        cg_int a = ptr[k], b = ptr2[k];
        while (a < ptr[k + 1] && b < ptr2[k + 1]) {
            const cg_int x = idx[a], y = idx2[b];
            oidx[to++] = x < y ? x : y;
            a += x <= y;
            b += y <= x;
        }
        while (a < ptr[k + 1])
            oidx[to++] = idx[a++];
        while (b < ptr2[k + 1])
            oidx[to++] = idx2[b++];
        optr[k + 1] = to;
    }
    return to;
}

/* Row k of the result has the members of all rows that row k of (gptr, gidx) names, not sorted.  With
 * oidx null they are only counted, into optr.  mark: a number for each possible member.  Returns how many
 * there are. */
cg_int cg_collect_rows(cg_int m, cg_int n, const cg_int *gptr, const cg_int *gidx, const cg_int *ptr,
                       const cg_int *idx, cg_int *optr, cg_int *oidx, cg_int *mark)
{
    cg_int to = 0;
    for (cg_int v = 0; v < n; ++v)
        mark[v] = -1;
    optr[0] = 0;
    for (cg_int k = 0; k < m; ++k) {
        for (cg_int g = gptr[k]; g < gptr[k + 1]; ++g)
            for (cg_int b = ptr[gidx[g]]; b < ptr[gidx[g] + 1]; ++b)
                if (mark[idx[b]] != k) {
                    mark[idx[b]] = k;
                    if (oidx)
                        oidx[to] = idx[b];
                    ++to;
                }
        optr[k + 1] = to;
    }
    return to;
}
