/* integer_arithmetic
 *
 * in   a: int64 (n,)
 * in   b: int64 (n,)
 * out  out0: int64 (n,)
 * out  out1: int64 (n,)
 * out  out2: int64 (n,)
 * out  out3: bool (n,)
 */

static int64_t integer_arithmetic(int64_t n, const int64_t *restrict a,
                                  const int64_t *restrict b, int64_t *restrict out0,
                                  int64_t *restrict out1, int64_t *restrict out2,
                                  uint8_t *restrict out3)
{
    /* floor_div [n2], mod [n3], sub [n10], eq [n11] */
    for (int64_t i = 0; i < n; ++i) {
        const int64_t a_i = a[i];
        const int64_t b_i = b[i];
        out0[i] = cg_floor_div_i64(a_i, b_i);
        out1[i] = cg_mod_i64(a_i, b_i);
        out2[i] = cg_abs_i64(a_i) + 3 * b_i - (a_i & b_i);
        out3[i] = a_i == b_i;
    }
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    const int64_t n = in[0].shape[0];
    if (in[1].shape[0] != n)
        return cg_fail(st, CG_SHAPE, 2, 0, in[1].shape[0], n);
    size[0] = n;
    out[0].shape[0] = n;
    out[1].shape[0] = n;
    out[2].shape[0] = n;
    out[3].shape[0] = n;
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
    return integer_arithmetic(size[0], in[0].data, in[1].data, out[0].data, out[1].data,
        out[2].data, out[3].data);
}
