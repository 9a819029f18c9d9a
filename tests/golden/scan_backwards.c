/* scan_backwards
 *
 * in   x: float64 (n,)
 * in   start: float64 ()
 * out  out0: float64 (n,)
 * out  out1: float64 (n,)
 */

static int64_t scan_backwards(int64_t n, const double *restrict x, const double *restrict start,
                              double *restrict out0, double *restrict out1, char *restrict work)
{
    double *restrict row = (double *)work;
    double start_t_1 = *start;
    /* scan [n3] */
    for (int64_t t = 0; t < n; ++t) {
        const double next_start_t_1 = 0.9 * start_t_1 + x[n - t - 1];
        out0[t] = next_start_t_1;
        start_t_1 = next_start_t_1;
    }
    double ct_start_t_1 = 0.0;
    /* scan [n15] */
    for (int64_t t = n - 1; t >= 0; --t) {
        const double v1 = ct_start_t_1 + 1.0;
        row[t] = v1;
        const double next_ct_start_t_1 = 0.9 * v1;
        ct_start_t_1 = next_ct_start_t_1;
    }
    /* place [n20] */
    for (int64_t i = 0; i < n; ++i) {
        out1[i] = i <= n - 1 ? row[n - i - 1] : 0.0;
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)st;
    const int64_t n = in[0].shape[0];
    size[0] = n;
    out[0].shape[0] = n;
    out[1].shape[0] = n;
    return CG_OK;
}

int64_t cg_work(const int64_t *size)
{
    const int64_t n = size[0];
    return cg_slot(n, 8);
}

int64_t cg_entry(const cg_rt *rt, const cg_array *in, cg_array *out, const int64_t *size,
                 void *work, cg_status *st)
{
    (void)rt;
    (void)st;
    return scan_backwards(size[0], in[0].data, in[1].data, out[0].data, out[1].data, work);
}
