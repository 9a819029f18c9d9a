/* log_sum_exp
 *
 * in   x: float64 (n,)
 * out  out0: float64 ()
 * out  out1: float64 (n,)
 */

static int64_t log_sum_exp(int64_t n, const double *restrict x, double *restrict out0,
                           double *restrict out1, char *restrict work)
{
    double *restrict exp3 = (double *)work;
    /* max [n7] */
    const double max = cg_max_of(n, x);
    double sum = 0.0;
    const bool isinf1 = isinf(max) != 0;
    const double v1 = isinf1 ? 0.0 : max;
    /* exp [n7], sum [n7] */
    for (int64_t i_from = 0; i_from < n; i_from += 256) {
        const int64_t i_to = cg_min_i64(i_from + 256, n);
        for (int64_t i = i_from; i < i_to; ++i) {
            const double exp1 = cg_exp(x[i] - v1);
            exp3[i] = exp1;
        }
        sum += cg_sum_block(i_to - i_from, &exp3[i_from]);
    }
    *out0 = v1 + cg_log(sum);
    const double v2 = 1 / sum;
    /* mul [n20] */
    for (int64_t i = 0; i < n; ++i) {
        out1[i] = v2 * exp3[i];
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    if (n < 1)
        return cg_fail(st, CG_EMPTY, 1, 0, n, 1);
    size[0] = n;
    out[1].shape[0] = n;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t n = size[0];
    return cg_slot(n, 8);
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)st;
    return log_sum_exp(size[0], in[0].data, out[0].data, out[1].data, work);
}
