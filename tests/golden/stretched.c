/* stretched
 *
 * in   x: float64 (n, m)
 * in   row: float64 (1, m)
 * in   column: float64 (n, 1)
 * out  out0: float64 ()
 * out  out1: float64 (1, m)
 * out  out2: float64 (n, 1)
 */

static int64_t stretched(int64_t n, int64_t m, const double *restrict x,
                         const double *restrict row, const double *restrict column,
                         double *restrict out0, double *restrict out1, double *restrict out2,
                         char *restrict work)
{
    double *restrict sum2 = (double *)work;
    double sum = 0.0;
    /* sum [n28] */
    for (int64_t i = 0; i < m; ++i) {
        sum2[i] = 0.0;
    }
    const double v1 = (double)(n * m);
    const double v2 = 2.0 / v1;
    const int64_t is_short = (int64_t)(m <= 8);
    /* true_div [n6], sum [n11], sum [n28], sum [n33], broadcast [n34] */
    for (int64_t i = 0; i < n; ++i) {
        double sum3 = 0.0;
        const double column_i = column[i];
        double sum5 = 0.0;
        if (is_short) {
            for (int64_t j = 0; j < m; ++j) {
                const double true_div = (x[i * m + j] - row[j]) / column_i;
                sum5 += true_div * true_div;
                const double v3 = v2 * true_div;
                sum2[j] += v3 / column_i;
                sum3 += v3 * true_div / column_i;
            }
        } else {
            for (int64_t j_from = 0; j_from < m; j_from += 256) {
                const int64_t j_to = cg_min_i64(j_from + 256, m);
                double sum_terms[256];
                double sum3_terms[256];
                for (int64_t j = j_from; j < j_to; ++j) {
                    const double true_div = (x[i * m + j] - row[j]) / column_i;
                    sum_terms[j - j_from] = true_div * true_div;
                    const double v3 = v2 * true_div;
                    sum2[j] += v3 / column_i;
                    sum3_terms[j - j_from] = v3 * true_div / column_i;
                }
                sum5 += cg_sum_block(j_to - j_from, sum_terms);
                sum3 += cg_sum_block(j_to - j_from, sum3_terms);
            }
        }
        sum += sum5;
        out2[i] = -sum3;
    }
    *out0 = sum / v1;
    /* broadcast [n29] */
    for (int64_t i = 0; i < m; ++i) {
        out1[i] = -sum2[i];
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    if (in[1].shape[0] != 1)
        return cg_fail(st, CG_SHAPE, 1, 0, in[1].shape[0], 1);
    if (in[2].shape[1] != 1)
        return cg_fail(st, CG_SHAPE, 4, 1, in[2].shape[1], 1);
    if (in[1].shape[1] != m)
        return cg_fail(st, CG_SHAPE, 3, 1, in[1].shape[1], m);
    if (in[2].shape[0] != n)
        return cg_fail(st, CG_SHAPE, 6, 0, in[2].shape[0], n);
    size[0] = n;
    size[1] = m;
    out[1].shape[0] = 1;
    out[1].shape[1] = m;
    out[2].shape[0] = n;
    out[2].shape[1] = 1;
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
    return stretched(size[0], size[1], in[0].data, in[1].data, in[2].data, out[0].data,
        out[1].data, out[2].data, work);
}
