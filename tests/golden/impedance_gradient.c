/* impedance_gradient
 *
 * in   r: float64 ()
 * in   c: float64 ()
 * in   omega: float64 (n,)
 * in   measured: complex128 (n,)
 * out  out0: float64 ()
 * out  out1: float64 ()
 * out  out2: float64 ()
 */

static int64_t impedance_gradient(int64_t n, const double *restrict r, const double *restrict c,
                                  const double *restrict omega,
                                  const cg_complex128 *restrict measured, double *restrict out0,
                                  double *restrict out1, double *restrict out2)
{
    double sum = 0.0;
    double sum2 = 0.0;
    double sum3 = 0.0;
    double sum4 = 0.0;
    const double r_0 = *r;
    const cg_complex128 v1 = cg_complex(r_0, 0.0);
    const double c_0 = *c;
    const cg_complex128 v2 = cg_complex(c_0, 0.0);
    const cg_complex128 conj1 = cg_conj(v2);
    /* add [n16], true_div [n17], sub [n20], sub [n21], hypot [n22], sum [n27], mul [n36],
     * switch [n43], add [n51], conj [n55], true_div [n56], sum [n62], sum [n65], sum [n70] */
    for (int64_t i_from = 0; i_from < n; i_from += 256) {
        const int64_t i_to = cg_min_i64(i_from + 256, n);
        double sum_terms[256];
        double sum2_terms[256];
        double sum3_terms[256];
        double sum4_terms[256];
        for (int64_t i = i_from; i < i_to; ++i) {
            const cg_complex128 cmul1 = cg_cmul(cg_complex(0.0, 1.0), cg_complex(omega[i], 0.0));
            const cg_complex128 cmul2 = cg_cmul(cmul1, v1);
            const cg_complex128 add = cg_cadd(cg_complex(1.0, 0.0), cg_cmul(cmul2, v2));
            const cg_complex128 true_div = cg_cdiv(v1, add);
            const cg_complex128 measured_i = measured[i];
            const double sub = cg_real(true_div) - cg_real(measured_i);
            const double sub2 = cg_imag(true_div) - cg_imag(measured_i);
            const double hypot2 = cg_hypot(sub, sub2);
            sum_terms[i - i_from] = hypot2 * hypot2;
            const double mul = 2.0 * hypot2;
            const double switch2 = 0.0 == hypot2 ? 1.0 : hypot2;
            const double add2 = 0.0 + mul * sub / switch2;
            const double add3 = 0.0 + mul * sub2 / switch2;
            const cg_complex128 conj = cg_conj(add);
            const cg_complex128 true_div2 = cg_cdiv(cg_cmul(cg_complex(-add2, -add3),
                cg_conj(true_div)), conj);
            sum2_terms[i - i_from] = cg_real(cg_cmul(cg_cmul(true_div2, conj1), cg_conj(cmul1)));
            sum3_terms[i - i_from] = cg_real(cg_cdiv(cg_complex(add2, add3), conj));
            sum4_terms[i - i_from] = cg_real(cg_cmul(true_div2, cg_conj(cmul2)));
        }
        sum += cg_sum_block(i_to - i_from, sum_terms);
        sum2 += cg_sum_block(i_to - i_from, sum2_terms);
        sum3 += cg_sum_block(i_to - i_from, sum3_terms);
        sum4 += cg_sum_block(i_to - i_from, sum4_terms);
    }
    *out0 = sum;
    *out1 = sum2 + sum3;
    *out2 = sum4;
    return CG_OK;
}

int64_t cg_sizes(const cg_array *in, int64_t *size, cg_array *out, cg_status *st)
{
    (void)out;
    const int64_t n = in[2].shape[0];
    if (in[3].shape[0] != n)
        return cg_fail(st, CG_SHAPE, 19, 0, in[3].shape[0], n);
    size[0] = n;
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
    return impedance_gradient(size[0], in[0].data, in[1].data, in[2].data, in[3].data, out[0].data,
        out[1].data, out[2].data);
}
