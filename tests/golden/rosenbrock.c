/* rosenbrock
 *
 * in   x: float64 (n,)
 * out  out0: float64 ()
 * out  out1: float64 (n,)
 */

static int64_t rosenbrock(int64_t n, const double *restrict x, double *restrict out0,
                          double *restrict out1, char *restrict work)
{
    const int64_t n1 = cg_max_i64(0, n - 1);
    double *restrict add = (double *)work;
    double sum = 0.0;
    /* sum [n19], add [n39] */
    for (int64_t i_from = 0; i_from < n1; i_from += 256) {
        const int64_t i_to = cg_min_i64(i_from + 256, n1);
        double sum_terms[256];
        for (int64_t i = i_from; i < i_to; ++i) {
            const double x_i = x[i];
            const double v1 = x[i + 1] - x_i * x_i;
            const double v2 = 1.0 - x_i;
            sum_terms[i - i_from] = 100.0 * (v1 * v1) + v2 * v2;
            add[i] = -2.0 * v2 + -400.0 * v1 * x_i;
        }
        sum += cg_sum_block(i_to - i_from, sum_terms);
    }
    *out0 = sum;
    /* add [n41] */
    for (int64_t i = 0; i < n; ++i) {
        out1[i] = (i < n1 ? add[i] : 0.0) + (1 <= i ? 200.0 * (x[i] - x[i - 1] * x[i - 1]) : 0.0);
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)st;
    const int64_t n = in[0].shape[0];
    size[0] = n;
    out[1].shape[0] = n;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t n = size[0];
    return cg_slot(cg_max_i64(0, n - 1), 8);
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)st;
    return rosenbrock(size[0], in[0].data, out[0].data, out[1].data, work);
}
