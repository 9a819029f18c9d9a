/* layer_gradient
 *
 * in   x: float64 (n, m)
 * in   w: float64 (m, p)
 * in   b: float64 (p,)
 * out  out0: float64 ()
 * out  out1: float64 (m, p)
 * out  out2: float64 (p,)
 */

static int64_t layer_gradient(const cg_rt *rt, int64_t n, int64_t m, int64_t p,
                              const double *restrict x, const double *restrict w,
                              const double *restrict b, double *restrict out0,
                              double *restrict out1, double *restrict out2, char *restrict work)
{
    double *restrict matmul = (double *)work;
    work += cg_skip(n * p, 8);
    double *restrict mul = (double *)work;
    /* matmul [n2] */
    cg_gemm_f64(rt, n, p, m, 0, m, 0, p, p, x, w, matmul);
    double sum = 0.0;
    /* sum [n29] */
    for (int64_t i = 0; i < p; ++i) {
        out2[i] = 0.0;
    }
    const double v2 = (double)(n * p);
    const double v3 = 2.0 / v2;
    /* tanh [n6], dtanh [n26], sum [n11], mul [n27], sum [n29] */
    for (int64_t i = 0; i < n; ++i) {
        double sum2 = 0.0;
        for (int64_t j_from = 0; j_from < p; j_from += 256) {
            const int64_t j_to = cg_min_i64(j_from + 256, p);
            double sum_terms[256];
            cg_independent for (int64_t j = j_from; j < j_to; ++j) {
                const double v1 = matmul[i * p + j] + b[j];
                const double tanh2 = cg_tanh(v1);
                const double dtanh = cg_dtanh(v1);
                sum_terms[j - j_from] = tanh2 * tanh2;
                const double v4 = v3 * tanh2 * dtanh;
                mul[i * p + j] = v4;
                out2[j] += v4;
            }
            sum2 += cg_sum_block(j_to - j_from, sum_terms);
        }
        sum += sum2;
    }
    *out0 = sum / v2;
    /* matmul [n28] */
    cg_gemm_f64(rt, m, p, n, 1, m, 0, p, p, x, mul, out1);
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    const int64_t m = in[0].shape[1];
    const int64_t p = in[1].shape[1];
    if (in[1].shape[0] != m)
        return cg_fail(st, CG_SHAPE, 2, 0, in[1].shape[0], m);
    if (in[2].shape[0] != p)
        return cg_fail(st, CG_SHAPE, 5, 1, in[2].shape[0], p);
    size[0] = n;
    size[1] = m;
    size[2] = p;
    out[1].shape[0] = m;
    out[1].shape[1] = p;
    out[2].shape[0] = p;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t n = size[0];
    const int64_t p = size[2];
    int64_t bytes = cg_slot(cg_times(n, p), 8);
    bytes = cg_plus(bytes, cg_slot(cg_times(n, p), 8));
    return bytes;
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)st;
    return layer_gradient(rt, size[0], size[1], size[2], in[0].data, in[1].data, in[2].data,
        out[0].data, out[1].data, out[2].data, work);
}
