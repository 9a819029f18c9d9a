/* strided
 *
 * in   x: float64 (n,)
 * out  out0: float64 ()
 * out  out1: float64 (n,)
 */

static int64_t strided(int64_t n, const double *restrict x, double *restrict out0,
                       double *restrict out1)
{
    const int64_t n1 = cg_max_i64(0, n - 1);
    const int64_t n2 = (n1 + 1) / 2;
    const int64_t n3 = (n1 + 2) / 3;
    double sum = 0.0;
    /* sum [n8] */
    for (int64_t i_from = 0; i_from < n2; i_from += 256) {
        const int64_t i_to = cg_min_i64(i_from + 256, n2);
        double sum_terms[256];
        for (int64_t i = i_from; i < i_to; ++i) {
            sum_terms[i - i_from] = x[2 * i + 1] * x[2 * i] + x[n - 2 * i - 2];
        }
        sum += cg_sum_block(i_to - i_from, sum_terms);
    }
    double sum2 = 0.0;
    /* sum [n14] */
    for (int64_t i_from = 0; i_from < n3; i_from += 256) {
        const int64_t i_to = cg_min_i64(i_from + 256, n3);
        double sum2_terms[256];
        for (int64_t i = i_from; i < i_to; ++i) {
            const double x_i = x[n - 3 * i - 1];
            sum2_terms[i - i_from] = x_i * x_i;
        }
        sum2 += cg_sum_block(i_to - i_from, sum2_terms);
    }
    *out0 = sum + sum2;
    /* add [n37] */
    for (int64_t i = 0; i < n; ++i) {
        const double v1 = ((((i <= n - 1) & (n - 1 < 3 * n3 + i)) & ((n - i - 1) % 3 == 0))
            ? 2.0 * x[n - 3 * ((n - i - 1) / 3) - 1] : 0.0)
            + ((((i <= n - 2) & (n - 2 < 2 * n2 + i)) & ((n - i - 2) % 2 == 0)) ? 1.0 : 0.0);
        out1[i] = v1 + (((i < 2 * n2) & (i % 2 == 0)) ? x[2 * (i / 2) + 1] : 0.0)
            + ((((1 <= i) & (i < 2 * n2 + 1)) & ((i - 1) % 2 == 0)) ? x[2 * ((i - 1) / 2)] : 0.0);
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
    (void)size;
    return 0;
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)work;
    (void)st;
    return strided(size[0], in[0].data, out[0].data, out[1].data);
}
