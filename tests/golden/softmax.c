/* softmax
 *
 * in   x: float64 (n, m)
 * out  out0: float64 (n, m)
 */

static int64_t softmax(int64_t n, int64_t m, const double *restrict x, double *restrict out0,
                       char *restrict work)
{
    double *restrict exp3 = (double *)work;
    /* max [n9], exp [n9], sum [n9], true_div [n9] */
    for (int64_t i = 0; i < n; ++i) {
        const double max = cg_max_of(m, &x[i * m]);
        double sum = 0.0;
        const bool isinf1 = isinf(max) != 0;
        const double v1 = isinf1 ? 0.0 : max;
        for (int64_t j_from = 0; j_from < m; j_from += 256) {
            const int64_t j_to = cg_min_i64(j_from + 256, m);
            for (int64_t j = j_from; j < j_to; ++j) {
                const double exp1 = cg_exp(x[i * m + j] - v1);
                exp3[j] = exp1;
            }
            sum += cg_sum_block(j_to - j_from, &exp3[j_from]);
        }
        for (int64_t j = 0; j < m; ++j) {
            out0[i * m + j] = exp3[j] / sum;
        }
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    if (m < 1)
        return cg_fail(st, CG_EMPTY, 1, 1, m, 1);
    size[0] = n;
    size[1] = m;
    out[0].shape[0] = n;
    out[0].shape[1] = m;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t m = size[1];
    return cg_slot(m, 8);
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)st;
    return softmax(size[0], size[1], in[0].data, out[0].data, work);
}
