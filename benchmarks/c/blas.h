/* The functions of OpenBLAS that the references call, as scipy-openblas64 names them. */
#ifndef BLAS_H
#define BLAS_H
#include <stdint.h>
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112, UPPER = 121, LOWER = 122 };
void scipy_cblas_dgemm64_(int, int, int, int64_t, int64_t, int64_t, double, const double *, int64_t,
                          const double *, int64_t, double, double *, int64_t);
void scipy_cblas_dsyrk64_(int, int, int, int64_t, int64_t, double, const double *, int64_t, double,
                          double *, int64_t);
void scipy_dpotrf_64_(const char *, const int64_t *, double *, const int64_t *, int64_t *, int64_t);
void scipy_dpotrs_64_(const char *, const int64_t *, const int64_t *, const double *,
                      const int64_t *, double *, const int64_t *, int64_t *, int64_t);
void scipy_dpotri_64_(const char *, const int64_t *, double *, const int64_t *, int64_t *, int64_t);
#endif
