/* from_sizes
 *
 * in   x: float64 (n,)
 * in   k2: int64 ()
 * out  out0: float64 (n,)
 * out  out1: float64 (n, n + 1)
 * out  out2: int64 (cg_max_i64(0, k_value),)
 * out  out3: float64 (2, n)
 */

static int64_t from_sizes(int64_t n, int64_t k_value, const double *restrict x,
                          double *restrict out0, double *restrict out1, int64_t *restrict out2,
                          double *restrict out3)
{
    const int64_t n1 = cg_max_i64(0, k_value);
    /* mul [n3], cast [n13] */
    for (int64_t i = 0; i < n; ++i) {
        out0[i] = (double)i * x[i];
        const int64_t v1 = 1 + i;
        for (int64_t j = 0; j < n + 1; ++j) {
            out1[i * n + i + j] = (double)(v1 == j);
        }
    }
    /* arange [n15] */
    for (int64_t i = 0; i < n1; ++i) {
        out2[i] = i;
    }
    /* broadcast [n17] */
    for (int64_t i = 0; i < 2 * n; ++i) {
        out3[i] = 0.5;
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)st;
    const int64_t n = in[0].shape[0];
    const int64_t k_value = *(const int64_t *)in[1].data;
    size[0] = n;
    size[1] = k_value;
    out[0].shape[0] = n;
    out[1].shape[0] = n;
    out[1].shape[1] = n + 1;
    out[2].shape[0] = cg_max_i64(0, k_value);
    out[3].shape[0] = 2;
    out[3].shape[1] = n;
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
    return from_sizes(size[0], size[1], in[0].data, out[0].data, out[1].data, out[2].data,
        out[3].data);
}
