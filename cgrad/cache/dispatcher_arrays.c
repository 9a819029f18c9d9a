/* The compiled dispatcher, part 2 of 4: the arrays of a call.
 *
 * All that a call needs lives in its frame, so any number of threads may be in a call of the
 * same function at once, and a call may come back to the same function. */

enum {
    SMALL_FRAME = 1536,  /* bytes of bookkeeping on the C stack */
    KEPT_WORK = 32 << 20 /* a larger workspace is not kept between calls */
};
#define EXACT_IN_DOUBLE (1LL << 53)

typedef struct {
    cg_array *in, *out;
    int64_t *size;
    int64_t *cells;         /* the values of scalar arguments */
    PyObject **held;        /* the arrays of the hidden inputs */
    PyArrayObject **made;   /* the outputs */
    void *heap;             /* the frame itself, if it is not on the stack */
    Spare *spare;           /* the workspace, if it is not on the stack */
} Frame;

static int open_frame(Dispatcher *self, Frame *frame, char *small)
{
    char *next = small;
    frame->heap = NULL;
    frame->spare = NULL;
    if (self->frame_bytes > SMALL_FRAME) {
        next = frame->heap = PyMem_Malloc(self->frame_bytes);
        if (next == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    frame->in = (cg_array *)next;
    frame->out = frame->in + self->n_in;
    frame->made = (PyArrayObject **)(frame->out + self->n_out);
    frame->held = (PyObject **)(frame->made + self->n_out);
    frame->size = (int64_t *)(frame->held + self->n_in);
    frame->cells = frame->size + self->n_sizes;
    int64_t *shape = frame->cells + self->n_user;
    for (Py_ssize_t i = 0; i < self->n_in + self->n_out; i++) {
        frame->in[i].shape = shape; /* out follows in */
        shape += self->specs[i].ndim;
    }
    for (Py_ssize_t i = 0; i < self->n_out; i++) {
        frame->out[i].data = NULL;
        frame->made[i] = NULL;
    }
    for (Py_ssize_t i = 0; i < self->n_in; i++)
        frame->held[i] = NULL;
    return 0;
}

static void put_back(Dispatcher *self, Spare *spare)
{
    if (spare != NULL && spare->capacity <= KEPT_WORK)
        spare = __atomic_exchange_n(&self->spare, spare, __ATOMIC_ACQ_REL);
    free(spare);
}

static void close_frame(Dispatcher *self, Frame *frame)
{
    for (Py_ssize_t i = 0; i < self->n_out; i++)
        Py_XDECREF(frame->made[i]);
    for (Py_ssize_t i = self->n_user; i < self->n_in; i++)
        Py_XDECREF(frame->held[i]);
    put_back(self, frame->spare);
    PyMem_Free(frame->heap);
}

/* ---- arguments ------------------------------------------------------------------------ */

static inline int fits(PyObject *object, const Spec *spec)
{
    if (!PyArray_CheckExact(object))
        return 0;
    PyArrayObject *array = (PyArrayObject *)object;
    return PyArray_NDIM(array) == spec->ndim &&
           PyArray_CHKFLAGS(array, NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED) &&
           PyDataType_ISNOTSWAPPED(PyArray_DESCR(array)) &&
           (PyArray_TYPE(array) == spec->typenum ||
            PyArray_EquivTypenums(PyArray_TYPE(array), spec->typenum));
}

static inline void use_array(cg_array *slot, PyObject *object)
{
    PyArrayObject *array = (PyArrayObject *)object;
    slot->data = PyArray_DATA(array);
    for (int axis = 0; axis < PyArray_NDIM(array); axis++) /* the shape may be set elsewhere */
        slot->shape[axis] = PyArray_DIM(array, axis);
}

/* A Python or NumPy number for a 0-d argument; 0 if it is not exactly one. */
static int take_scalar(PyObject *object, int typenum, int64_t *cell)
{
    if (typenum == NPY_DOUBLE) {
        double value;
        if (PyFloat_CheckExact(object))
            value = PyFloat_AS_DOUBLE(object);
        else if (Py_IS_TYPE(object, &PyDoubleArrType_Type))
            value = PyArrayScalar_VAL(object, Double);
        else if (PyLong_CheckExact(object)) {
            int overflow;
            long long integer = PyLong_AsLongLongAndOverflow(object, &overflow);
            if (overflow || integer > EXACT_IN_DOUBLE || integer < -EXACT_IN_DOUBLE)
                return 0;
            value = (double)integer;
        }
        else
            return 0;
        memcpy(cell, &value, sizeof value);
        return 1;
    }
    if (typenum == NPY_INT64) {
        if (PyLong_CheckExact(object)) {
            int overflow;
            *cell = PyLong_AsLongLongAndOverflow(object, &overflow);
            return !overflow;
        }
        if (Py_IS_TYPE(object, &PyInt64ArrType_Type)) {
            *cell = PyArrayScalar_VAL(object, Int64);
            return 1;
        }
    }
    return 0;
}

static int take_user_inputs(Dispatcher *self, Frame *frame, PyObject *const *args)
{
    for (Py_ssize_t i = 0; i < self->n_user; i++) {
        const Spec *spec = &self->specs[i];
        if (fits(args[i], spec))
            use_array(&frame->in[i], args[i]);
        else if (spec->ndim == 0 && take_scalar(args[i], spec->typenum, &frame->cells[i]))
            frame->in[i].data = &frame->cells[i];
        else
            return 0;
    }
    return 1;
}

/* Shared variables and large constants: other threads may replace them while this call runs,
 * so it holds on to what it has read. */
static int take_hidden_inputs(Dispatcher *self, Frame *frame)
{
    for (Py_ssize_t i = self->n_user; i < self->n_in; i++) {
        PyObject *list = PyTuple_GET_ITEM(self->hidden, i - self->n_user);
        PyObject *value = PyList_GetItem(list, 0);
        if (value == NULL)
            return -1;
        frame->held[i] = Py_NewRef(value);
        if (!fits(value, &self->specs[i])) {
            PyErr_Format(PyExc_RuntimeError,
                         "stored value %zd is not a C-contiguous array of rank %d and its dtype",
                         i - self->n_user, self->specs[i].ndim);
            return -1;
        }
        use_array(&frame->in[i], value);
    }
    return 0;
}

/* ---- outputs -------------------------------------------------------------------------- */

static PyArrayObject *new_array(PyArray_Descr *descr, int ndim, const int64_t *shape)
{
    Py_INCREF(descr);
    return (PyArrayObject *)PyArray_NewFromDescr(&PyArray_Type, descr, ndim,
                                                 (const npy_intp *)shape, NULL, NULL, 0, NULL);
}

static int make_outputs(Dispatcher *self, Frame *frame)
{
    const Spec *specs = self->specs + self->n_in;
    for (Py_ssize_t i = 0; i < self->n_out; i++) {
        PyArrayObject *array = new_array(self->descrs[i], specs[i].ndim, frame->out[i].shape);
        if (array == NULL)
            return -1;
        frame->made[i] = array;
        frame->out[i].data = PyArray_DATA(array);
    }
    return 0;
}

/* Where the kernel wrote less than the bound, copy what it wrote to an array of its size. */
static int shrink_outputs(Dispatcher *self, Frame *frame)
{
    for (Py_ssize_t i = 0; i < self->n_out; i++) {
        PyArrayObject *bound = frame->made[i];
        const int64_t *shape = frame->out[i].shape;
        int ndim = PyArray_NDIM(bound);
        if (ndim == 0 || memcmp(shape, PyArray_DIMS(bound), (size_t)ndim * sizeof *shape) == 0)
            continue;
        for (int axis = 0; axis < ndim; axis++)
            if (shape[axis] < 0 || shape[axis] > PyArray_DIM(bound, axis)) {
                PyErr_Format(PyExc_RuntimeError, "the kernel exceeded the bound of output %zd", i);
                return -1;
            }
        PyArrayObject *array = new_array(self->descrs[i], ndim, shape);
        if (array == NULL)
            return -1;
        memcpy(PyArray_DATA(array), PyArray_DATA(bound), (size_t)PyArray_NBYTES(array));
        frame->made[i] = array;
        Py_DECREF(bound);
    }
    return 0;
}

static PyObject *give(Frame *frame, Py_ssize_t i)
{
    PyObject *array = (PyObject *)frame->made[i];
    frame->made[i] = NULL;
    return array;
}

static PyObject *make_result(Dispatcher *self, Frame *frame)
{
    if (self->returns == NULL)
        return give(frame, 0);
    if (self->returns == Py_None) {
        PyObject *list = PyList_New(self->n_returned);
        for (Py_ssize_t i = 0; list != NULL && i < self->n_returned; i++)
            PyList_SET_ITEM(list, i, give(frame, i));
        return list;
    }
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && i < self->n_returned; i++)
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(self->returns, i),
                           (PyObject *)frame->made[i]) < 0)
            Py_CLEAR(dict);
    return dict;
}
