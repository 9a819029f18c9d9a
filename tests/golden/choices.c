/* choices
 *
 * in   x: float64 (n,)
 * in   y: float64 (n,)
 * out  out0: float64 (n,)
 * out  out1: float64 (n,)
 * out  out2: float64 (n,)
 */

static int64_t choices(int64_t n, const double *restrict x, const double *restrict y,
                       double *restrict out0, double *restrict out1, double *restrict out2)
{
    /* sqrt [n12], switch [n18], switch [n30], switch [n45] */
    for (int64_t i = 0; i < n; ++i) {
        const double x_i = x[i];
        const double sqrt2 = sqrt(fabs(x_i));
        const double y_i = y[i];
        const bool v1 = (x_i > 0.0) & (y_i < 1.0);
        const double max1 = cg_max(y_i, -1.0);
        out0[i] = v1 ? sqrt2 : cg_min(max1, 1.0);
        out1[i] = v1 ? cg_sign(x_i) / (2.0 * sqrt2) : 0.0;
        out2[i] = ((!v1 & (max1 <= 1.0)) & (y_i >= -1.0))
            ? (1.0 == max1 ? 0.5 : 1.0) * (-1.0 == y_i ? 0.5 : 1.0) : 0.0;
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    if (in[1].shape[0] != n)
        return cg_fail(st, CG_SHAPE, 10, 0, in[1].shape[0], n);
    size[0] = n;
    out[0].shape[0] = n;
    out[1].shape[0] = n;
    out[2].shape[0] = n;
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
    return choices(size[0], in[0].data, in[1].data, out[0].data, out[1].data, out[2].data);
}
