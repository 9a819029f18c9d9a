/* rearranged
 *
 * in   x: float64 (n, m, p)
 * out  out0: float64 (m, n * p)
 * out  out1: float64 (m,)
 */

static int64_t rearranged(int64_t n, int64_t m, int64_t p, const double *restrict x,
                          double *restrict out0, double *restrict out1, char *restrict work)
{
    double *restrict permute = (double *)work;
    /* permute [n1] */
    for (int64_t i = 0; i < p; ++i) {
        for (int64_t j = 0; j < n; ++j) {
            for (int64_t k = 0; k < m; ++k) {
                permute[i * n * m + j * m + k] = x[j * m * p + k * p + i];
            }
        }
    }
    /* permute [n3], sum [n4] */
    for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n * p; ++j) {
            out0[i * n * p + j] = permute[j * m + i];
        }
        out1[i] = 0.0;
    }
    const int64_t i_four = (n * p) - (n * p) % 4;
    /* sum [n4] */
    for (int64_t i = 0; i < i_four; i += 4) {
        for (int64_t j = 0; j < m; ++j) {
            out1[j] += permute[i * m + j] + permute[i * m + j + m]
                + (permute[i * m + 2 * m + j] + permute[i * m + 3 * m + j]);
        }
    }
    for (int64_t i = i_four; i < n * p; ++i) {
        for (int64_t j = 0; j < m; ++j) {
            out1[j] += permute[i * m + j];
        }
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)st;
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    const int64_t p = in[0].shape[2];
    size[0] = n;
    size[1] = m;
    size[2] = p;
    out[0].shape[0] = m;
    out[0].shape[1] = n * p;
    out[1].shape[0] = m;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t n = size[0];
    const int64_t m = size[1];
    const int64_t p = size[2];
    return cg_slot(cg_times(cg_times(n, m), p), 8);
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)st;
    return rearranged(size[0], size[1], size[2], in[0].data, out[0].data, out[1].data, work);
}
