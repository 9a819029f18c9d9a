/* The compiled dispatcher, part 2 of 6: the arrays of a call.
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
    PyObject **held;        /* the arrays of inputs that were read from a stored value */
    PyArrayObject **made;   /* the outputs */
    PyObject *const *given; /* arrays of the caller's, or None, for the outputs that are
                             * returned; NULL: none is given */
    void *heap;             /* the frame itself, if it is not on the stack */
    Spare *spare;           /* the workspace, if it is not on the stack */
} Frame;

/* small: SMALL_FRAME bytes, or NULL. */
static inline int open_frame(Dispatcher *self, Frame *frame, char *small)
{
    char *next = small;
    frame->heap = NULL;
    frame->spare = NULL;
    frame->given = NULL;
    if (small == NULL || self->frame_bytes > SMALL_FRAME) {
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

/* Let go of the arrays of one call. */
static inline void clear_frame(Dispatcher *self, Frame *frame)
{
    for (Py_ssize_t i = 0; i < self->n_out; i++)
        Py_CLEAR(frame->made[i]);
    for (Py_ssize_t i = 0; i < self->n_in; i++)
        Py_CLEAR(frame->held[i]);
}

static inline void close_frame(Dispatcher *self, Frame *frame)
{
    clear_frame(self, frame);
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
static inline int take_scalar(PyObject *object, int typenum, int64_t *cell)
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

/* Read a stored value: other threads may replace it while a call runs, so the call holds on to
 * what it has read. */
static int take_stored(Dispatcher *self, Frame *frame, Py_ssize_t i, PyObject *list)
{
    PyObject *value = PyList_GetItem(list, 0);
    if (value == NULL)
        return -1;
    Py_XSETREF(frame->held[i], Py_NewRef(value));
    if (!fits(value, &self->specs[i])) {
        PyErr_Format(PyExc_RuntimeError,
                     "stored value %zd is not a C-contiguous array of rank %d and its dtype",
                     i < self->n_user ? i : i - self->n_user, self->specs[i].ndim);
        return -1;
    }
    use_array(&frame->in[i], value);
    return 0;
}

static inline int take_user_input(Dispatcher *self, Frame *frame, Py_ssize_t i, PyObject *arg)
{
    const Spec *spec = &self->specs[i];
    if (fits(arg, spec))
        use_array(&frame->in[i], arg);
    else if (spec->ndim == 0 && take_scalar(arg, spec->typenum, &frame->cells[i]))
        frame->in[i].data = &frame->cells[i];
    else
        return 0;
    return 1;
}

static int take_user_inputs(Dispatcher *self, Frame *frame, PyObject *const *args)
{
    for (Py_ssize_t i = 0; i < self->n_user; i++)
        if (!take_user_input(self, frame, i, args[i]))
            return 0;
    return 1;
}

/* Shared variables and large constants. */
static inline int take_hidden_inputs(Dispatcher *self, Frame *frame)
{
    for (Py_ssize_t i = self->n_user; i < self->n_in; i++)
        if (take_stored(self, frame, i, PyTuple_GET_ITEM(self->hidden, i - self->n_user)) < 0)
            return -1;
    return 0;
}

/* The array of an input; NULL if it is a number in the frame. */
static inline PyArrayObject *array_of(Dispatcher *self, Frame *frame, PyObject *const *args,
                                      Py_ssize_t i)
{
    if (frame->held[i] != NULL)
        return (PyArrayObject *)frame->held[i];
    if (self->specs[i].ndim == 0 && frame->in[i].data == &frame->cells[i])
        return NULL;
    return (PyArrayObject *)args[i];
}

/* ---- outputs -------------------------------------------------------------------------- */

static PyArrayObject *new_array(PyArray_Descr *descr, int ndim, const int64_t *shape)
{
    Py_INCREF(descr);
    return (PyArrayObject *)PyArray_NewFromDescr(&PyArray_Type, descr, ndim,
                                                 (const npy_intp *)shape, NULL, NULL, 0, NULL);
}

/* Whether the bytes of two contiguous arrays have any in common. */
static inline int overlap(const PyArrayObject *a, const PyArrayObject *b)
{
    const char *first = PyArray_BYTES(a), *second = PyArray_BYTES(b);
    npy_intp n = PyArray_NBYTES(a), m = PyArray_NBYTES(b);
    return n > 0 && m > 0 && first < second + m && second < first + n;
}

static PyObject *shape_tuple(const int64_t *shape, int ndim)
{
    PyObject *tuple = PyTuple_New(ndim);
    for (int axis = 0; tuple != NULL && axis < ndim; axis++) {
        PyObject *size = PyLong_FromLongLong(shape[axis]);
        if (size == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, axis, size);
    }
    return tuple;
}

/* Ask Python to say why a call is refused, for which the array at this place is to blame, if it
 * is one, and which shape was expected of it; always returns -1 with an error set. */
static int refuse(Dispatcher *self, const char *reason, Py_ssize_t place, PyArrayObject *array,
                  const int64_t *shape, int ndim)
{
    PyObject *expected = shape_tuple(shape, ndim);
    if (expected == NULL)
        return -1;
    PyObject *answer = PyObject_CallMethod((PyObject *)self, "_refuse", "snON", reason, place,
                                           array == NULL ? Py_None : (PyObject *)array, expected);
    if (answer != NULL) {
        Py_DECREF(answer);
        PyErr_Format(PyExc_RuntimeError, "the call was refused (%s) and nobody said why", reason);
    }
    return -1;
}

static inline int same_shape(const PyArrayObject *array, const int64_t *shape)
{
    for (int axis = 0; axis < PyArray_NDIM(array); axis++)
        if (shape[axis] != PyArray_DIM(array, axis))
            return 0;
    return 1;
}

static inline int fits_output(Dispatcher *self, Py_ssize_t i, PyObject *object)
{
    return fits(object, &self->specs[self->n_in + i]) &&
           PyArray_ISWRITEABLE((PyArrayObject *)object);
}

/* The array given for output i; NULL if there is none. */
static inline PyArrayObject *given_for(Dispatcher *self, Frame *frame, Py_ssize_t i)
{
    if (frame->given == NULL || i >= self->n_returned || frame->given[i] == Py_None)
        return NULL;
    return (PyArrayObject *)frame->given[i];
}

/* Whether the kernel may write to the array given for output i: 1, it may; 0, what it computes
 * must be copied there; -1, never, and an error is set. A length that only the kernel knows
 * takes memory of its bound, so an array of fewer elements may still turn out right. */
static int can_write(Dispatcher *self, Frame *frame, PyObject *const *args, Py_ssize_t i,
                     PyArrayObject *array)
{
    const int64_t *bound = frame->out[i].shape;
    int ndim = self->specs[self->n_in + i].ndim;
    if (!fits_output(self, i, (PyObject *)array))
        return refuse(self, "array", i, array, bound, ndim);
    for (int axis = 0; axis < ndim; axis++)
        if (PyArray_DIM(array, axis) > bound[axis])
            return refuse(self, "shape", i, array, bound, ndim);
    for (Py_ssize_t k = 0; k < i; k++) {
        PyArrayObject *other = given_for(self, frame, k);
        if (other != NULL && overlap(array, other))
            return refuse(self, "overlap", i, array, bound, ndim);
    }
    for (Py_ssize_t k = 0; k < self->n_in; k++) {
        PyArrayObject *input = array_of(self, frame, args, k);
        if (input != NULL && overlap(array, input))
            return 0;
    }
    return same_shape(array, bound);
}

static int make_outputs(Dispatcher *self, Frame *frame, PyObject *const *args)
{
    const Spec *specs = self->specs + self->n_in;
    for (Py_ssize_t i = 0; i < self->n_out; i++) {
        PyArrayObject *given = given_for(self, frame, i);
        int direct = given == NULL ? 0 : can_write(self, frame, args, i, given);
        if (direct < 0)
            return -1;
        if (direct) {
            frame->made[i] = (PyArrayObject *)Py_NewRef(given);
            frame->out[i].data = PyArray_DATA(given);
            continue;
        }
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
        if (given_for(self, frame, i) != NULL)
            continue; /* fill_given compares shapes */
        PyArrayObject *bound = frame->made[i];
        const int64_t *shape = frame->out[i].shape;
        int ndim = PyArray_NDIM(bound);
        if (same_shape(bound, shape))
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

/* Copy to the arrays that were given what the kernel could not write there. All are compared
 * before the first is written. Other threads may have run since they were checked. */
static int fill_given(Dispatcher *self, Frame *frame)
{
    if (frame->given == NULL)
        return 0;
    const Spec *specs = self->specs + self->n_in;
    for (Py_ssize_t i = 0; i < self->n_returned; i++) {
        PyArrayObject *given = given_for(self, frame, i);
        if (given == NULL)
            continue;
        const int64_t *shape = frame->out[i].shape;
        if (!fits_output(self, i, (PyObject *)given))
            return refuse(self, "array", i, given, shape, specs[i].ndim);
        if (!same_shape(given, shape))
            return refuse(self, "shape", i, given, shape, specs[i].ndim);
    }
    for (Py_ssize_t i = 0; i < self->n_returned; i++) {
        PyArrayObject *given = given_for(self, frame, i);
        if (given == NULL || given == frame->made[i])
            continue;
        memcpy(PyArray_DATA(given), PyArray_DATA(frame->made[i]), (size_t)PyArray_NBYTES(given));
        Py_SETREF(frame->made[i], (PyArrayObject *)Py_NewRef(given));
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
