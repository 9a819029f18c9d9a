/* logistic_value_gradient
 *
 * in   x: float64 (n, m)
 * out  out0: float64 ()
 * out  out1: float64 (n, m)
 */

static int64_t logistic_value_gradient(int64_t n, int64_t m, const double *restrict x,
                                       double *restrict out0, double *restrict out1)
{
    double sum = 0.0;
    /* exp [n7], sum [n8], true_div [n12] */
    for (int64_t i_from = 0; i_from < n * m; i_from += 256) {
        const int64_t i_to = cg_min_i64(i_from + 256, n * m);
        double sum_terms[256];
        for (int64_t i = i_from; i < i_to; ++i) {
            const double x_i = x[i];
            const double exp3 = cg_exp(-fabs(x_i));
            const double v1 = 1.0 + exp3;
            sum_terms[i - i_from] = (x_i >= 0.0 ? 1.0 : exp3) / v1;
            out1[i] = exp3 / (v1 * v1);
        }
        sum += cg_sum_block(i_to - i_from, sum_terms);
    }
    *out0 = sum;
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)st;
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    size[0] = n;
    size[1] = m;
    out[1].shape[0] = n;
    out[1].shape[1] = m;
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
    return logistic_value_gradient(size[0], size[1], in[0].data, out[0].data, out[1].data);
}
