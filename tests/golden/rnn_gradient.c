/* rnn_gradient
 *
 * in   W: float64 (n, n)
 * in   U: float64 (n, m)
 * in   x: float64 (p, m)
 * in   h0: float64 (n,)
 * out  out0: float64 (n, n)
 * out  out1: float64 (n, m)
 */

static int64_t rnn_gradient(const cg_rt *rt, int64_t n, int64_t m, int64_t p,
                            const double *restrict W, const double *restrict U,
                            const double *restrict x, const double *restrict h0,
                            double *restrict out0, double *restrict out1, char *restrict work)
{
    double *h0_t_1 = (double *)work;
    work += cg_skip(n, 8);
    double *next_h0_t_1 = (double *)work;
    work += cg_skip(n, 8);
    double *ct_h0_t_1 = (double *)work;
    work += cg_skip(n, 8);
    double *next_ct_h0_t_1 = (double *)work;
    work += cg_skip(n, 8);
    double *restrict row2 = (double *)work;
    work += cg_skip(n * p, 8);
    double *restrict row3 = (double *)work;
    work += cg_skip(n * p, 8);
    double *restrict row = (double *)work;
    work += cg_skip(n * p, 8);
    double *restrict row4 = (double *)work;
    cg_independent for (int64_t i = 0; i < n; ++i) {
        h0_t_1[i] = h0[i];
        ct_h0_t_1[i] = 0.0;
    }
    /* scan [n12] */
    for (int64_t t = 0; t < p; ++t) {
        /* h0_t_1 = input, dot [n13], dot [n14], tanh [n16], dtanh [n39] */
        for (int64_t i_from = 0; i_from < n; i_from += 32) {
            const int64_t i_to = cg_min_i64(i_from + 32, n);
            double v1_rows[32];
            double products[32];
            cg_dot_rows(i_to - i_from, n, n, &W[i_from * n], h0_t_1, products);
            double products2[32];
            cg_dot_rows(i_to - i_from, m, m, &U[i_from * m], &x[t * m], products2);
            cg_independent for (int64_t i = i_from; i < i_to; ++i) {
                row[t * n + i] = h0_t_1[i];
                const double dot = products[i - i_from];
                const double dot3 = products2[i - i_from];
                const double v1 = dot + dot3;
                v1_rows[i - i_from] = v1;
            }
            cg_independent for (int64_t i = i_from; i < i_to; ++i) {
                const double v1 = v1_rows[i - i_from];
                const double tanh1 = cg_tanh(v1);
                next_h0_t_1[i] = tanh1;
                row3[t * n + i] = cg_dtanh(v1);
                row2[t * n + i] = tanh1;
            }
        }
        { double *swap = h0_t_1; h0_t_1 = next_h0_t_1; next_h0_t_1 = swap; }
    }
    /* scan [n34] */
    for (int64_t t = p - 1; t >= 0; --t) {
        /* mul [n40], dot [n49] */
        cg_independent for (int64_t i = 0; i < n; ++i) {
            row4[t * n + i] = (ct_h0_t_1[i] + 2.0 * row2[t * n + i]) * row3[t * n + i];
            next_ct_h0_t_1[i] = 0.0;
        }
        const int64_t i_four = n - n % 4;
        /* dot [n49] */
        for (int64_t i = 0; i < i_four; i += 4) {
            const double row4_it = row4[t * n + i];
            const double row4_it2 = row4[t * n + i + 1];
            const double row4_it3 = row4[t * n + i + 2];
            const double row4_it4 = row4[t * n + i + 3];
            for (int64_t j = 0; j < n; ++j) {
                next_ct_h0_t_1[j] += row4_it * W[i * n + j] + row4_it2 * W[i * n + j + n]
                    + (row4_it3 * W[i * n + 2 * n + j] + row4_it4 * W[i * n + 3 * n + j]);
            }
        }
        for (int64_t i = i_four; i < n; ++i) {
            const double row4_it = row4[t * n + i];
            for (int64_t j = 0; j < n; ++j) {
                next_ct_h0_t_1[j] += row4_it * W[i * n + j];
            }
        }
        { double *swap = ct_h0_t_1; ct_h0_t_1 = next_ct_h0_t_1; next_ct_h0_t_1 = swap; }
    }
    /* matmul */
    cg_gemm_f64(rt, n, n, p, 1, n, 0, n, n, row4, row, out0);
    /* matmul */
    cg_gemm_f64(rt, n, m, p, 1, n, 0, m, m, row4, x, out1);
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    const int64_t m = in[1].shape[1];
    const int64_t p = in[2].shape[0];
    if (n != in[3].shape[0])
        return cg_fail(st, CG_SHAPE, 12, 0, n, in[3].shape[0]);
    if (in[3].shape[0] != in[0].shape[1])
        return cg_fail(st, CG_SHAPE, 13, 0, in[3].shape[0], in[0].shape[1]);
    if (in[2].shape[1] != m)
        return cg_fail(st, CG_SHAPE, 14, 0, in[2].shape[1], m);
    if (in[1].shape[0] != n)
        return cg_fail(st, CG_SHAPE, 15, 0, in[1].shape[0], n);
    size[0] = n;
    size[1] = m;
    size[2] = p;
    out[0].shape[0] = n;
    out[0].shape[1] = n;
    out[1].shape[0] = n;
    out[1].shape[1] = m;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t n = size[0];
    const int64_t p = size[2];
    int64_t bytes = cg_slot(n, 8);
    bytes = cg_plus(bytes, cg_slot(n, 8));
    bytes = cg_plus(bytes, cg_slot(n, 8));
    bytes = cg_plus(bytes, cg_slot(n, 8));
    bytes = cg_plus(bytes, cg_slot(cg_times(n, p), 8));
    bytes = cg_plus(bytes, cg_slot(cg_times(n, p), 8));
    bytes = cg_plus(bytes, cg_slot(cg_times(n, p), 8));
    bytes = cg_plus(bytes, cg_slot(cg_times(n, p), 8));
    return bytes;
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)st;
    return rnn_gradient(rt, size[0], size[1], size[2], in[0].data, in[1].data, in[2].data,
        in[3].data, out[0].data, out[1].data, work);
}
