/* logistic_regression
 *
 * in   X: float64 (n, m)
 * in   y: float64 (n,)
 * in   w: float64 (m,)
 * in   penalty: float64 ()
 * out  out0: float64 ()
 * out  out1: float64 (m,)
 */

static int64_t logistic_regression(int64_t n, int64_t m, const double *restrict X,
                                   const double *restrict y, const double *restrict w,
                                   const double *restrict penalty, double *restrict out0,
                                   double *restrict out1, char *restrict work)
{
    double *restrict dot4 = (double *)work;
    double sum = 0.0;
    /* dot [n11], dot [n26] */
    const double dot3 = cg_dot(m, w, w);
    for (int64_t i = 0; i < m; ++i) {
        dot4[i] = 0.0;
    }
    /* dot [n2], exp [n3], sum [n7], sub [n25], dot [n26] */
    for (int64_t i_from = 0; i_from < n; i_from += 32) {
        const int64_t i_to = cg_min_i64(i_from + 32, n);
        double dot_rows[32];
        double sub_rows[32];
        cg_dot_rows(i_to - i_from, m, m, &X[i_from * m], w, dot_rows);
        double sum_terms[32];
        for (int64_t i = i_from; i < i_to; ++i) {
            const double dot = dot_rows[i - i_from];
            const double exp3 = cg_exp(-fabs(dot));
            const double y_i = y[i];
            sum_terms[i - i_from] = cg_max(dot, 0.0) + cg_log1p(exp3) - y_i * dot;
            const double sub = (dot >= 0.0 ? 1.0 : exp3) / (1.0 + exp3) - y_i;
            sub_rows[i - i_from] = sub;
        }
        sum += cg_sum_block(i_to - i_from, sum_terms);
        const int64_t i_four = i_to - (i_to - i_from) % 4;
        for (int64_t i = i_from; i < i_four; i += 4) {
            const double sub = sub_rows[i - i_from];
            const double sub2 = sub_rows[i - i_from + 1];
            const double sub3 = sub_rows[i - i_from + 2];
            const double sub4 = sub_rows[i - i_from + 3];
            for (int64_t j = 0; j < m; ++j) {
                dot4[j] += sub * X[i * m + j] + sub2 * X[i * m + j + m]
                    + (sub3 * X[i * m + 2 * m + j] + sub4 * X[i * m + 3 * m + j]);
            }
        }
        for (int64_t i = i_four; i < i_to; ++i) {
            const double sub = sub_rows[i - i_from];
            for (int64_t j = 0; j < m; ++j) {
                dot4[j] += sub * X[i * m + j];
            }
        }
    }
    *out0 = sum + 0.5 * *penalty * dot3;
    const double penalty_0 = *penalty;
    const double v1 = 0.5 * penalty_0;
    /* add [n27] */
    for (int64_t i = 0; i < m; ++i) {
        out1[i] = 2.0 * (v1 * w[i]) + dot4[i];
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    if (in[2].shape[0] != m)
        return cg_fail(st, CG_SHAPE, 2, 0, in[2].shape[0], m);
    if (n != in[1].shape[0])
        return cg_fail(st, CG_SHAPE, 5, 0, n, in[1].shape[0]);
    size[0] = n;
    size[1] = m;
    out[1].shape[0] = m;
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
    return logistic_regression(size[0], size[1], in[0].data, in[1].data, in[2].data, in[3].data,
        out[0].data, out[1].data, work);
}
