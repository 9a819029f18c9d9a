/* updated
 *
 * in   x: float64 (n, m)
 * in   v: float64 (m,)
 * out  out0: float64 (n, m)
 * out  out1: float64 (n, m)
 * out  out2: float64 (m,)
 */

static int64_t updated(int64_t n, int64_t m, const double *restrict x, const double *restrict v,
                       double *restrict out0, double *restrict out1, double *restrict out2)
{
    const int64_t n1 = (m + 1) / 2;
    /* add [n7], set_window [n24] */
    for (int64_t i = 0; i < n; ++i) {
        const bool v1 = i == 0;
        for (int64_t j = 0; j < m; ++j) {
            const double v2 = (v1 ? v[j] : x[i * m + j])
                + (((j < 2 * n1) & (j % 2 == 0)) ? 1.0 : 0.0);
            out0[i * m + j] = v2;
            out1[i * m + j] = v1 ? 0.0 : 2.0 * v2;
        }
    }
    /* slice [n25] */
    for (int64_t i = 0; i < m; ++i) {
        out2[i] = 2.0 * out0[i];
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    if (in[1].shape[0] != m)
        return cg_fail(st, CG_SHAPE, 2, 0, in[1].shape[0], m);
    if (0 >= n)
        return cg_fail(st, CG_INDEX, 3, 0, 0, n);
    size[0] = n;
    size[1] = m;
    out[0].shape[0] = n;
    out[0].shape[1] = m;
    out[1].shape[0] = n;
    out[1].shape[1] = m;
    out[2].shape[0] = m;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    (void)size;
    return 0;
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)work;
    (void)st;
    return updated(size[0], size[1], in[0].data, in[1].data, out[0].data, out[1].data, out[2].data);
}
