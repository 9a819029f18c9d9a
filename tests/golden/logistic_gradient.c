/* logistic_gradient
 *
 * in   x: float64 (n, m)
 * out  out0: float64 (n, m)
 */

static int64_t logistic_gradient(int64_t n, int64_t m, const double *restrict x,
                                 double *restrict out0)
{
    /* true_div [n12] */
    for (int64_t i = 0; i < n * m; ++i) {
        const double exp1 = cg_exp(-fabs(x[i]));
        const double v1 = 1.0 + exp1;
        out0[i] = exp1 / (v1 * v1);
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)st;
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    size[0] = n;
    size[1] = m;
    out[0].shape[0] = n;
    out[0].shape[1] = m;
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
    return logistic_gradient(size[0], size[1], in[0].data, out[0].data);
}
