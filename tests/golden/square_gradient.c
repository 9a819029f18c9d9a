/* square_gradient
 *
 * in   x: float64 ()
 * out  out0: float64 ()
 */

static int64_t square_gradient(const double *restrict x, double *restrict out0)
{
    *out0 = 2.0 * *x;
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)in;
    (void)size;
    (void)out;
    (void)st;
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
    (void)size;
    (void)work;
    (void)st;
    return square_gradient(in[0].data, out[0].data);
}
