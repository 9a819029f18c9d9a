/* rnn_value
 *
 * in   W: float64 (n, n)
 * in   U: float64 (n, m)
 * in   x: float64 (p, m)
 * in   h0: float64 (n,)
 * out  out0: float64 ()
 */

static int64_t rnn_value(int64_t n, int64_t m, int64_t p, const double *restrict W,
                         const double *restrict U, const double *restrict x,
                         const double *restrict h0, double *restrict out0, char *restrict work)
{
    double *h0_t_1 = (double *)work;
    work += cg_skip(n, 8);
    double *next_h0_t_1 = (double *)work;
    work += cg_skip(n, 8);
    double *restrict row = (double *)work;
    for (int64_t i = 0; i < n; ++i) {
        h0_t_1[i] = h0[i];
    }
    /* scan [n4] */
    for (int64_t t = 0; t < p; ++t) {
        /* dot [n5], dot [n6], tanh [n8] */
        for (int64_t i_from = 0; i_from < n; i_from += 32) {
            const int64_t i_to = cg_min_i64(i_from + 32, n);
            double dot_rows[32];
            double dot3_rows[32];
            double products[32];
            cg_dot_rows(i_to - i_from, n, n, &W[i_from * n], h0_t_1, products);
            double products2[32];
            cg_dot_rows(i_to - i_from, m, m, &U[i_from * m], &x[t * m], products2);
            for (int64_t i = i_from; i < i_to; ++i) {
                const double dot = products[i - i_from];
                const double dot3 = products2[i - i_from];
                dot_rows[i - i_from] = dot;
                dot3_rows[i - i_from] = dot3;
            }
            cg_independent for (int64_t i = i_from; i < i_to; ++i) {
                const double dot = dot_rows[i - i_from];
                const double dot3 = dot3_rows[i - i_from];
                const double tanh1 = cg_tanh(dot + dot3);
                next_h0_t_1[i] = tanh1;
                row[t * n + i] = tanh1;
            }
        }
        { double *swap = h0_t_1; h0_t_1 = next_h0_t_1; next_h0_t_1 = swap; }
    }
    /* sum [n14] */
    const double sum = cg_dot(n * p, row, row);
    *out0 = sum;
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)out;
    const int64_t n = in[0].shape[0];
    const int64_t m = in[1].shape[1];
    const int64_t p = in[2].shape[0];
    if (n != in[3].shape[0])
        return cg_fail(st, CG_SHAPE, 4, 0, n, in[3].shape[0]);
    if (in[3].shape[0] != in[0].shape[1])
        return cg_fail(st, CG_SHAPE, 5, 0, in[3].shape[0], in[0].shape[1]);
    if (in[2].shape[1] != m)
        return cg_fail(st, CG_SHAPE, 6, 0, in[2].shape[1], m);
    if (in[1].shape[0] != n)
        return cg_fail(st, CG_SHAPE, 7, 0, in[1].shape[0], n);
    size[0] = n;
    size[1] = m;
    size[2] = p;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t n = size[0];
    const int64_t p = size[2];
    int64_t bytes = cg_slot(n, 8);
    bytes = cg_plus(bytes, cg_slot(n, 8));
    bytes = cg_plus(bytes, cg_slot(cg_times(n, p), 8));
    return bytes;
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)st;
    return rnn_value(size[0], size[1], size[2], in[0].data, in[1].data, in[2].data, in[3].data,
        out[0].data, work);
}
