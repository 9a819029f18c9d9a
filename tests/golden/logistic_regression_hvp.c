/* logistic_regression_hvp
 *
 * in   X: float64 (n, m)
 * in   y: float64 (n,)
 * in   w: float64 (m,)
 * in   penalty: float64 ()
 * in   v: float64 (m,)
 * out  out0: float64 (m,)
 */

static int64_t logistic_regression_hvp(int64_t n, int64_t m, const double *restrict X,
                                       const double *restrict w, const double *restrict penalty,
                                       const double *restrict v, double *restrict out0,
                                       char *restrict work)
{
    double *restrict dot5 = (double *)work;
    /* dot [n27] */
    for (int64_t i = 0; i < m; ++i) {
        dot5[i] = 0.0;
    }
    /* dot [n22], dot [n4], mul [n24], dot [n27] */
    for (int64_t i_from = 0; i_from < n; i_from += 32) {
        const int64_t i_to = cg_min_i64(i_from + 32, n);
        double dot3_rows[32];
        double dot_rows[32];
        double mul_rows[32];
        double products[32];
        cg_dot_rows(i_to - i_from, m, m, &X[i_from * m], v, products);
        double products2[32];
        cg_dot_rows(i_to - i_from, m, m, &X[i_from * m], w, products2);
        for (int64_t i = i_from; i < i_to; ++i) {
            const double dot = products[i - i_from];
            const double dot3 = products2[i - i_from];
            dot3_rows[i - i_from] = dot3;
            dot_rows[i - i_from] = dot;
        }
        for (int64_t i = i_from; i < i_to; ++i) {
            const double dot3 = dot3_rows[i - i_from];
            const double exp1 = cg_exp(-fabs(dot3));
            const double v1 = 1.0 + exp1;
            const double dot = dot_rows[i - i_from];
            const double mul = dot * (exp1 / (v1 * v1));
            mul_rows[i - i_from] = mul;
        }
        const int64_t i_four = i_to - (i_to - i_from) % 4;
        for (int64_t i = i_from; i < i_four; i += 4) {
            const double mul = mul_rows[i - i_from];
            const double mul2 = mul_rows[i - i_from + 1];
            const double mul3 = mul_rows[i - i_from + 2];
            const double mul4 = mul_rows[i - i_from + 3];
            for (int64_t j = 0; j < m; ++j) {
                dot5[j] += mul * X[i * m + j] + mul2 * X[i * m + j + m]
                    + (mul3 * X[i * m + 2 * m + j] + mul4 * X[i * m + 3 * m + j]);
            }
        }
        for (int64_t i = i_four; i < i_to; ++i) {
            const double mul = mul_rows[i - i_from];
            for (int64_t j = 0; j < m; ++j) {
                dot5[j] += mul * X[i * m + j];
            }
        }
    }
    const double penalty_0 = *penalty;
    const double v1 = 0.5 * penalty_0;
    /* add [n28] */
    for (int64_t i = 0; i < m; ++i) {
        out0[i] = 2.0 * (v[i] * v1) + dot5[i];
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    if (in[4].shape[0] != in[2].shape[0])
        return cg_fail(st, CG_SHAPE, 1, 0, in[4].shape[0], in[2].shape[0]);
    if (in[2].shape[0] != m)
        return cg_fail(st, CG_SHAPE, 4, 0, in[2].shape[0], m);
    if (n != in[1].shape[0])
        return cg_fail(st, CG_SHAPE, 7, 0, n, in[1].shape[0]);
    size[0] = n;
    size[1] = m;
    out[0].shape[0] = m;
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
    return logistic_regression_hvp(size[0], size[1], in[0].data, in[2].data, in[3].data,
        in[4].data, out[0].data, work);
}
