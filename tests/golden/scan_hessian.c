/* scan_hessian
 *
 * in   x: float64 (n,)
 * out  out0: float64 (n, n)
 */

static int64_t scan_hessian(int64_t n, const double *restrict x, double *restrict out0,
                            char *restrict work)
{
    double *restrict sin2 = (double *)work;
    work += cg_skip(n, 8);
    double *restrict mul = (double *)work;
    work += cg_skip(n, 8);
    double *restrict sqr = (double *)work;
    work += cg_skip(n, 8);
    double *restrict cos2 = (double *)work;
    /* sin [n5], mul [n18], sqr [n4], cos [n15] */
    cg_independent for (int64_t i = 0; i < n; ++i) {
        const double x_i = x[i];
        const double sin1 = cg_sin(x_i);
        sin2[i] = sin1;
        mul[i] = 2.0 * sin1;
        sqr[i] = x_i * x_i;
        cos2[i] = cg_cos(x_i);
    }
    /* scan [n24] */
    for (int64_t t = 0; t < n; ++t) {
        /* place [n49] */
        for (int64_t i = 0; i < n; ++i) {
            out0[t * n + i] = i == t ? mul[t] - sqr[t] * sin2[t] + 2.0 * x[t] * cos2[t]
                + 2.0 * cos2[t] * x[t] : 0.0;
        }
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)st;
    const int64_t n = in[0].shape[0];
    size[0] = n;
    out[0].shape[0] = n;
    out[0].shape[1] = n;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t n = size[0];
    int64_t bytes = cg_slot(n, 8);
    bytes = cg_plus(bytes, cg_slot(n, 8));
    bytes = cg_plus(bytes, cg_slot(n, 8));
    bytes = cg_plus(bytes, cg_slot(n, 8));
    return bytes;
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)st;
    return scan_hessian(size[0], in[0].data, out[0].data, work);
}
