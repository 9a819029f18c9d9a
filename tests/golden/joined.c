/* joined
 *
 * in   a: float64 (n, m)
 * in   b: float64 (p, m)
 * in   c: float64 (m,)
 * out  out0: float64 (n + p, m)
 * out  out1: float64 (n, m)
 * out  out2: float64 (p, m)
 */

static int64_t joined(int64_t n, int64_t m, int64_t p, const double *restrict a,
                      const double *restrict b, const double *restrict c, double *restrict out0,
                      double *restrict out1, double *restrict out2, char *restrict work)
{
    double *restrict join = (double *)work;
    work += cg_skip(m * p + n * m, 8);
    double *restrict exp3 = (double *)work;
    /* exp [n1], join [n7] */
    for (int64_t i = 0; i < n; ++i) {
        cg_independent for (int64_t j = 0; j < m; ++j) {
            const double exp1 = cg_exp(a[i * m + j]);
            exp3[i * m + j] = exp1;
            join[i * m + j] = exp1;
        }
    }
    /* join [n7] */
    for (int64_t i = 0; i < p; ++i) {
        for (int64_t j = 0; j < m; ++j) {
            join[i * m + n * m + j] = 2.0 * b[i * m + j];
        }
    }
    /* mul [n10] */
    for (int64_t i = 0; i < n + p; ++i) {
        for (int64_t j = 0; j < m; ++j) {
            out0[i * m + j] = join[i * m + j] * c[j];
        }
    }
    /* mul [n26] */
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < m; ++j) {
            out1[i * m + j] = 2.0 * out0[i * m + j] * c[j] * exp3[i * m + j];
        }
    }
    /* mul [n28] */
    for (int64_t i = 0; i < p; ++i) {
        for (int64_t j = 0; j < m; ++j) {
            out2[i * m + j] = 2.0 * (2.0 * out0[i * m + n * m + j] * c[j]);
        }
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    const int64_t p = in[1].shape[0];
    if (in[1].shape[1] != m)
        return cg_fail(st, CG_SHAPE, 7, 1, in[1].shape[1], m);
    if (in[2].shape[0] != m)
        return cg_fail(st, CG_SHAPE, 10, 1, in[2].shape[0], m);
    size[0] = n;
    size[1] = m;
    size[2] = p;
    out[0].shape[0] = n + p;
    out[0].shape[1] = m;
    out[1].shape[0] = n;
    out[1].shape[1] = m;
    out[2].shape[0] = p;
    out[2].shape[1] = m;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t n = size[0];
    const int64_t m = size[1];
    const int64_t p = size[2];
    int64_t bytes = cg_slot(m * p + n * m, 8);
    bytes = cg_plus(bytes, cg_slot(cg_times(n, m), 8));
    return bytes;
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)st;
    return joined(size[0], size[1], size[2], in[0].data, in[1].data, in[2].data, out[0].data,
        out[1].data, out[2].data, work);
}
