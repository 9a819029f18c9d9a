/* single_precision
 *
 * in   x: float32 (n, m)
 * in   w: float32 (m,)
 * out  out0: float32 ()
 * out  out1: float32 (m,)
 */

static int64_t single_precision(int64_t n, int64_t m, const float *restrict x,
                                const float *restrict w, float *restrict out0,
                                float *restrict out1, char *restrict work)
{
    double *restrict dot3 = (double *)work;
    double sum2 = 0.0;
    /* dot [n19] */
    for (int64_t i = 0; i < m; ++i) {
        dot3[i] = 0.0;
    }
    const int64_t is_short = (int64_t)(m <= 8);
    /* dot [n2], sum [n8], mul [n18], dot [n19] */
    for (int64_t i_from = 0; i_from < n; i_from += 32) {
        const int64_t i_to = cg_min_i64(i_from + 32, n);
        float v1_rows[32];
        double v2_rows[32];
        for (int64_t i = i_from; i < i_to; ++i) {
            double dot2 = 0.0;
            if (is_short) {
                for (int64_t j = 0; j < m; ++j) {
                    dot2 += (double)x[i * m + j] * (double)w[j];
                }
            } else {
                for (int64_t j_from = 0; j_from < m; j_from += 256) {
                    const int64_t j_to = cg_min_i64(j_from + 256, m);
                    double dot2_terms[256];
                    for (int64_t j = j_from; j < j_to; ++j) {
                        dot2_terms[j - j_from] = (double)x[i * m + j] * (double)w[j];
                    }
                    dot2 += cg_sum_block(j_to - j_from, dot2_terms);
                }
            }
            const float dot = (float)dot2;
            const float v1 = 0.1f * dot;
            v1_rows[i - i_from] = v1;
        }
        double sum2_terms[32];
        for (int64_t i = i_from; i < i_to; ++i) {
            const float v1 = v1_rows[i - i_from];
            sum2_terms[i - i_from] = (double)cg_tanhf(v1);
            const float mul = 0.1f * cg_dtanhf(v1);
            const double v2 = (double)mul;
            v2_rows[i - i_from] = v2;
        }
        sum2 += cg_sum_block(i_to - i_from, sum2_terms);
        const int64_t i_four = i_to - (i_to - i_from) % 4;
        for (int64_t i = i_from; i < i_four; i += 4) {
            const double v2 = v2_rows[i - i_from];
            const double v3 = v2_rows[i - i_from + 1];
            const double v4 = v2_rows[i - i_from + 2];
            const double v5 = v2_rows[i - i_from + 3];
            for (int64_t j = 0; j < m; ++j) {
                dot3[j] += v2 * (double)x[i * m + j] + v3 * (double)x[i * m + j + m]
                    + (v4 * (double)x[i * m + 2 * m + j] + v5 * (double)x[i * m + 3 * m + j]);
            }
        }
        for (int64_t i = i_four; i < i_to; ++i) {
            const double v2 = v2_rows[i - i_from];
            for (int64_t j = 0; j < m; ++j) {
                dot3[j] += v2 * (double)x[i * m + j];
            }
        }
    }
    const float sum = (float)sum2;
    *out0 = sum / (float)n;
    /* dot [n19] */
    for (int64_t i = 0; i < m; ++i) {
        out1[i] = (float)dot3[i];
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    if (in[1].shape[0] != m)
        return cg_fail(st, CG_SHAPE, 2, 0, in[1].shape[0], m);
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
    return single_precision(size[0], size[1], in[0].data, in[1].data, out[0].data, out[1].data,
        work);
}
