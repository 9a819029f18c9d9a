/* Colourings of sparse matrices for their compression.
 *
 * A matrix of m rows is given as its rows, (ptr, idx), and as its columns, (cptr, cidx); a symmetric
 * one as its rows without the diagonal, with mirror[e] the place of (j, i) where e is that of (i, j).
 * Colours are 0, 1, ...; -1 stands for none.  Functions that need memory for marks are given it; a
 * mark is the number of the vertex that set it, so nothing is cleared between vertices.
 *
 *   A. H. Gebremedhin, F. Manne, A. Pothen: What color is your Jacobian? Graph coloring for computing
 *   derivatives. SIAM Review 47 (2005), 629-705.                      [columns, orders]
 *   A. H. Gebremedhin, A. Tarafdar, F. Manne, A. Pothen: New acyclic and star coloring algorithms with
 *   application to computing Hessians. SIAM J. Sci. Comput. 29 (2007), 1042-1072. [star, acyclic]
 */
#include <stdint.h>

typedef int64_t cg_int;

static cg_int cg_smallest(const cg_int *forbidden, cg_int mark)
{
    cg_int c = 0;
    while (forbidden[c] == mark)
        ++c;
    return c;
}

/* The columns of a matrix of m rows and n columns; place[t] is where element t of them is among the rows.
 * For a symmetric matrix that is its mirror image. */
void cg_transpose(cg_int m, cg_int n, const cg_int *ptr, const cg_int *idx, cg_int *cptr, cg_int *cidx,
                  cg_int *place)
{
    for (cg_int v = 0; v <= n; ++v)
        cptr[v] = 0;
    for (cg_int b = 0; b < ptr[m]; ++b)
        ++cptr[idx[b] + 1];
    for (cg_int v = 0; v < n; ++v)
        cptr[v + 1] += cptr[v];
    for (cg_int row = 0; row < m; ++row)
        for (cg_int b = ptr[row]; b < ptr[row + 1]; ++b) {
            const cg_int t = cptr[idx[b]]++;
            cidx[t] = row;
            place[t] = b;
        }
    for (cg_int v = n; v > 0; --v)
        cptr[v] = cptr[v - 1];
    cptr[0] = 0;
}

/* Columns of one colour have no row in common (distance-2 colouring of the columns, greedily in the
 * given order).  `colour` holds -1 everywhere.  forbidden: n + 1 numbers.  Returns the number of
 * colours, as all of these do. */
cg_int cg_colour_columns(cg_int n, const cg_int *ptr, const cg_int *idx, const cg_int *cptr,
                         const cg_int *cidx, const cg_int *order, cg_int *colour, cg_int *forbidden)
{
    cg_int most = 0;
    for (cg_int c = 0; c <= n; ++c)
        forbidden[c] = -1;
    for (cg_int k = 0; k < n; ++k) {
        const cg_int v = order[k];
        for (cg_int a = cptr[v]; a < cptr[v + 1]; ++a) {
            const cg_int row = cidx[a];
            for (cg_int b = ptr[row]; b < ptr[row + 1]; ++b) {
                const cg_int c = colour[idx[b]];
                if (c >= 0)
                    forbidden[c] = v;
            }
        }
        colour[v] = cg_smallest(forbidden, v);
        if (colour[v] >= most)
            most = colour[v] + 1;
    }
    return most;
}

/* Whether no row has two elements of one colour; -1 is in conflict with nothing.  mark: one number for
 * each colour. */
cg_int cg_is_column_colouring(cg_int m, const cg_int *ptr, const cg_int *idx, const cg_int *colour,
                              cg_int colours, cg_int *mark)
{
    for (cg_int c = 0; c < colours; ++c)
        mark[c] = -1;
    for (cg_int row = 0; row < m; ++row)
        for (cg_int b = ptr[row]; b < ptr[row + 1]; ++b) {
            const cg_int c = colour[idx[b]];
            if (c < 0)
                continue;
            if (mark[c] == row)
                return 0;
            mark[c] = row;
        }
    return 1;
}

/* How many other columns share a row with each column.  mark: n numbers. */
void cg_column_degrees(cg_int n, const cg_int *ptr, const cg_int *idx, const cg_int *cptr,
                       const cg_int *cidx, cg_int *degree, cg_int *mark)
{
    for (cg_int v = 0; v < n; ++v)
        mark[v] = -1;
    for (cg_int v = 0; v < n; ++v) {
        cg_int count = 0;
        mark[v] = v;
        for (cg_int a = cptr[v]; a < cptr[v + 1]; ++a)
            for (cg_int b = ptr[cidx[a]]; b < ptr[cidx[a] + 1]; ++b)
                if (mark[idx[b]] != v) {
                    mark[idx[b]] = v;
                    ++count;
                }
        degree[v] = count;
    }
}

/* Lists of vertices by degree: a vertex is first in head[degree] or behind before[v]. */
static void cg_unlink(cg_int v, cg_int degree, cg_int *head, cg_int *before, cg_int *behind)
{
    if (before[v] >= 0)
        behind[before[v]] = behind[v];
    else
        head[degree] = behind[v];
    if (behind[v] >= 0)
        before[behind[v]] = before[v];
}

static void cg_link(cg_int v, cg_int degree, cg_int *head, cg_int *before, cg_int *behind)
{
    before[v] = -1;
    behind[v] = head[degree];
    if (head[degree] >= 0)
        before[head[degree]] = v;
    head[degree] = v;
}

/* Smallest-last order: the last vertex has the smallest degree, and so on for the rest without it.
 * `degree` has those of all, and is used up; head, before, behind, mark: n numbers each.
 * `distance` is 2 for columns that share a row; 1 for the vertices of a symmetric matrix, whose rows
 * are given twice. */
void cg_smallest_last(cg_int n, cg_int distance, const cg_int *ptr, const cg_int *idx,
                      const cg_int *cptr, const cg_int *cidx, cg_int *degree, cg_int *order,
                      cg_int *head, cg_int *before, cg_int *behind, cg_int *mark)
{
    for (cg_int v = 0; v < n; ++v) {
        head[v] = -1;
        mark[v] = -1;
    }
    for (cg_int v = n - 1; v >= 0; --v)
        cg_link(v, degree[v], head, before, behind);
    cg_int low = 0;
    for (cg_int k = n - 1; k >= 0; --k) {
        while (head[low] < 0)
            ++low;
        const cg_int v = head[low];
        cg_unlink(v, low, head, before, behind);
        order[k] = v;
        degree[v] = -1;
        mark[v] = v;
        for (cg_int a = cptr[v]; a < cptr[v + 1]; ++a) {
            const cg_int row = cidx[a];
            const cg_int first = distance == 2 ? ptr[row] : a;
            const cg_int end = distance == 2 ? ptr[row + 1] : a + 1;
            for (cg_int b = first; b < end; ++b) {
                const cg_int w = distance == 2 ? idx[b] : row;
                if (mark[w] == v || degree[w] < 0)
                    continue;
                mark[w] = v;
                cg_unlink(w, degree[w], head, before, behind);
                --degree[w];
                cg_link(w, degree[w], head, before, behind);
                if (degree[w] < low)
                    low = degree[w];
            }
        }
    }
}

/* -- symmetric matrices ------------------------------------------------------------------------- */

static void cg_treat(cg_int v, cg_int w, const cg_int *ptr, const cg_int *idx, const cg_int *colour,
                     cg_int *forbidden)
{
    for (cg_int b = ptr[w]; b < ptr[w + 1]; ++b)
        if (colour[idx[b]] >= 0)
            forbidden[colour[idx[b]]] = v;
}

/* Star colouring: neighbours differ, and every path of four vertices has three colours or more.  Then
 * what two colours have in common is stars, and every element is alone in its row among the columns of
 * one colour, or its mirror image is.  With `ahead` the neighbours of each vertex differ from one another
 * as long as it has no colour, which forbids more at first and less in the end.  forbidden, seen_by, first, treated: n + 1 numbers; star, hub: one
 * for each element. */
cg_int cg_colour_star(cg_int n, cg_int ahead, const cg_int *ptr, const cg_int *idx,
                      const cg_int *mirror, const cg_int *order, cg_int *colour, cg_int *forbidden, cg_int *seen_by,
                      cg_int *first, cg_int *treated, cg_int *star, cg_int *hub)
{
    cg_int most = 0, stars = 0;
    for (cg_int v = 0; v <= n; ++v)
        forbidden[v] = seen_by[v] = treated[v] = -1;
    for (cg_int b = 0; b < ptr[n]; ++b)
        star[b] = -1;
    for (cg_int k = 0; k < n; ++k) {
        const cg_int v = order[k];
        for (cg_int a = ptr[v]; a < ptr[v + 1]; ++a) {
            const cg_int w = idx[a], cw = colour[w];
            if (cw < 0) {
                if (ahead)
                    cg_treat(v, w, ptr, idx, colour, forbidden);
                continue;
            }
            forbidden[cw] = v;
            if (seen_by[cw] == v) {
                /* two neighbours of one colour: v would be the hub of their star */
                const cg_int q = idx[first[cw]];
                if (treated[q] != v)
                    cg_treat(v, q, ptr, idx, colour, forbidden);
                treated[q] = v;
                cg_treat(v, w, ptr, idx, colour, forbidden);
                treated[w] = v;
            } else {
                seen_by[cw] = v;
                first[cw] = a;
                for (cg_int b = ptr[w]; b < ptr[w + 1]; ++b)
                    if (star[b] >= 0 && hub[star[b]] == idx[b])
                        forbidden[colour[idx[b]]] = v;
            }
        }
        const cg_int cv = colour[v] = cg_smallest(forbidden, v);
        if (cv >= most)
            most = cv + 1;
        for (cg_int a = ptr[v]; a < ptr[v + 1]; ++a) {
            const cg_int w = idx[a];
            if (colour[w] < 0)
                continue;
            cg_int found = -1;
            for (cg_int b = ptr[w]; b < ptr[w + 1] && found < 0; ++b)
                if (idx[b] != v && colour[idx[b]] == cv && star[b] >= 0) {
                    found = star[b];
                    hub[found] = w;
                }
            if (found < 0 && seen_by[colour[w]] == v && first[colour[w]] != a) {
                found = star[first[colour[w]]];
                hub[found] = v;
            }
            if (found < 0) {
                found = stars++;
                hub[found] = -1;
            }
            star[a] = star[mirror[a]] = found;
        }
    }
    return most;
}

static cg_int cg_root(cg_int *parent, cg_int t)
{
    while (parent[t] != t) {
        parent[t] = parent[parent[t]];
        t = parent[t];
    }
    return t;
}

/* Acyclic colouring: neighbours differ, and every cycle has three colours or more.  Then what two
 * colours have in common is trees.  forbidden, seen_by, first: n + 1 numbers; tree, parent, visitor,
 * entry: one for each element. */
cg_int cg_colour_acyclic(cg_int n, const cg_int *ptr, const cg_int *idx, const cg_int *mirror,
                         const cg_int *order, cg_int *colour, cg_int *forbidden, cg_int *seen_by,
                         cg_int *first, cg_int *tree, cg_int *parent, cg_int *visitor, cg_int *entry)
{
    cg_int most = 0, trees = 0;
    for (cg_int v = 0; v <= n; ++v)
        forbidden[v] = seen_by[v] = -1;
    for (cg_int b = 0; b < ptr[n]; ++b)
        tree[b] = visitor[b] = -1;
    for (cg_int k = 0; k < n; ++k) {
        const cg_int v = order[k];
        for (cg_int a = ptr[v]; a < ptr[v + 1]; ++a)
            if (colour[idx[a]] >= 0)
                forbidden[colour[idx[a]]] = v;
        for (cg_int a = ptr[v]; a < ptr[v + 1]; ++a) {
            const cg_int w = idx[a];
            if (colour[w] < 0)
                continue;
            for (cg_int b = ptr[w]; b < ptr[w + 1]; ++b) {
                const cg_int c = colour[idx[b]];
                if (tree[b] < 0 || c < 0 || forbidden[c] == v)
                    continue;
                const cg_int t = cg_root(parent, tree[b]);
                if (visitor[t] != v) {
                    visitor[t] = v;
                    entry[t] = w;
                } else if (entry[t] != w) {
                    forbidden[c] = v;
                }
            }
        }
        const cg_int cv = colour[v] = cg_smallest(forbidden, v);
        if (cv >= most)
            most = cv + 1;
        for (cg_int a = ptr[v]; a < ptr[v + 1]; ++a) {
            const cg_int cw = colour[idx[a]];
            if (cw < 0)
                continue;
            if (seen_by[cw] != v) {
                seen_by[cw] = v;
                first[cw] = a;
                parent[trees] = trees;
                tree[a] = tree[mirror[a]] = trees++;
            } else {
                tree[a] = tree[mirror[a]] = tree[first[cw]];
            }
        }
        for (cg_int a = ptr[v]; a < ptr[v + 1]; ++a) {
            const cg_int w = idx[a];
            if (colour[w] < 0)
                continue;
            for (cg_int b = ptr[w]; b < ptr[w + 1]; ++b)
                if (idx[b] != v && colour[idx[b]] == cv && tree[b] >= 0) {
                    const cg_int s = cg_root(parent, tree[a]), t = cg_root(parent, tree[b]);
                    parent[s] = t;
                }
        }
    }
    return most;
}

/* For each element of a symmetric matrix whether it is alone in its row among those of its column's
 * colour.  count: a number for each colour. */
void cg_alone(cg_int n, const cg_int *ptr, const cg_int *idx, const cg_int *colour, cg_int colours,
              uint8_t *alone, cg_int *count)
{
    for (cg_int c = 0; c < colours; ++c)
        count[c] = 0;
    for (cg_int v = 0; v < n; ++v) {
        for (cg_int b = ptr[v]; b < ptr[v + 1]; ++b)
            ++count[colour[idx[b]]];
        for (cg_int b = ptr[v]; b < ptr[v + 1]; ++b)
            alone[b] = count[colour[idx[b]]] == 1;
        for (cg_int b = ptr[v]; b < ptr[v + 1]; ++b)
            count[colour[idx[b]]] = 0;
    }
}

/* The order in which the elements of a symmetric matrix follow from one another under an acyclic
 * colouring: from the leaves of each tree on, element leaf[k] is what is left in its row of the sum of
 * those of its colour, and is then taken out of the sum that its mirror image belongs to.  In `solved`
 * the element or its mirror image that is found.  group, count, left, queue: one number for each
 * element; last: for each colour.  Returns how many are found: half of the elements. */
cg_int cg_substitution(cg_int n, const cg_int *ptr, const cg_int *idx, const cg_int *mirror,
                       const cg_int *colour, cg_int colours, cg_int *leaf, cg_int *group,
                       cg_int *count, cg_int *left, cg_int *queue, cg_int *last)
{
    cg_int waiting = 0, found = 0;
    for (cg_int c = 0; c < colours; ++c)
        last[c] = -1;
    for (cg_int v = 0; v < n; ++v)
        for (cg_int b = ptr[v]; b < ptr[v + 1]; ++b) {
            const cg_int c = colour[idx[b]];
            if (last[c] < ptr[v]) {
                last[c] = b;
                count[b] = 0;
                left[b] = 0;
            }
            group[b] = last[c];
            ++count[group[b]];
            left[group[b]] ^= b;
        }
    for (cg_int b = 0; b < ptr[n]; ++b)
        if (group[b] == b && count[b] == 1)
            queue[waiting++] = b;
    for (cg_int k = 0; k < waiting; ++k) {
        const cg_int g = queue[k];
        if (count[g] != 1)
            continue;
        const cg_int e = left[g], h = group[mirror[e]];
        count[g] = 0;
        leaf[found++] = e;
        left[h] ^= mirror[e];
        if (--count[h] == 1)
            queue[waiting++] = h;
    }
    return found;
}
