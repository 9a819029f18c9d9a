/* A function of Python in C: it checks its argument, allocates its result and computes 2 x. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

static PyObject *call(PyObject *self, PyObject *argument)
{
    (void)self;
    if (!PyArray_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "expected an array");
        return NULL;
    }
    PyArrayObject *x = (PyArrayObject *)argument;
    if (PyArray_TYPE(x) != NPY_DOUBLE || !PyArray_ISCARRAY_RO(x)) {
        PyErr_SetString(PyExc_TypeError, "expected a contiguous array of float64");
        return NULL;
    }
    PyObject *y = PyArray_SimpleNew(PyArray_NDIM(x), PyArray_DIMS(x), NPY_DOUBLE);
    if (y == NULL)
        return NULL;
    const double *restrict from = PyArray_DATA(x);
    double *restrict to = PyArray_DATA((PyArrayObject *)y);
    const npy_intp n = PyArray_SIZE(x);
    for (npy_intp i = 0; i < n; ++i)
        to[i] = 2.0 * from[i];
    return y;
}

static PyMethodDef methods[] = {{"call", call, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "scalar_call", .m_size = -1, .m_methods = methods};

__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit_scalar_call(void)
{
    import_array();
    return PyModule_Create(&definition);
}
