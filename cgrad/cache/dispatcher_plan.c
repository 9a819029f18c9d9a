/* The compiled dispatcher, part 1 of 6: what a dispatcher knows about its kernel.
 *
 * dispatcher.py joins cg_abi.h and the six parts to one file and compiles it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

_Static_assert(sizeof(npy_intp) == sizeof(int64_t), "cgrad needs a 64-bit platform");

typedef int64_t (*sizes_function)(const cg_array *, int64_t *, cg_array *, cg_status *);
typedef int64_t (*work_function)(const int64_t *);
typedef int64_t (*entry_function)(const cg_rt *, const cg_array *, cg_array *, const int64_t *,
                                  void *, cg_status *);

typedef struct {
    int typenum, ndim;
} Spec;

/* A workspace that is kept from call to call; the bytes follow, aligned to 64. */
typedef struct {
    size_t capacity;
    char padding[64 - sizeof(size_t)];
} Spare;

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *weakrefs;
    sizes_function sizes;
    work_function work;
    entry_function entry; /* NULL until _bind */
    Py_ssize_t n_user, n_in, n_out, n_returned, n_sizes, n_updates;
    Spec *specs;            /* of the n_in inputs, then of the n_out outputs */
    PyArray_Descr **descrs; /* of the outputs */
    Py_ssize_t n_dims;      /* the ranks of all inputs and outputs together */
    size_t frame_bytes;     /* what one call needs for its bookkeeping */
    PyObject *hidden;       /* tuple of one-element lists: the inputs after the user's */
    PyObject *update_lists; /* tuple of one-element lists */
    Py_ssize_t *update_outputs;
    PyObject *returns; /* NULL: one array; None: a list; a tuple of names: a dict */
    PyObject *owner;   /* keeps the kernel */
    int always_release;
    int interruptible;
    int out_keyword; /* out= is memory for results, not an argument */
    Spare *spare; /* taken and put back atomically */
} Dispatcher;

/* ---- what kernels may use of the process ---------------------------------------------- */

static void hold(int on);
static void forget_watch(void);
/* Only the main thread is interrupted by Ctrl-C: it gets a table of its own. */
static cg_rt main_runtime = {.bytes = sizeof(cg_rt), .num_threads = 1, .hold = hold};
static cg_rt thread_runtime = {.bytes = sizeof(cg_rt), .num_threads = 1};
static int threads_asked_for, forked_with_threads;

/* OpenMP's threads do not survive fork, and its next parallel region would hang, also if the last
 * number before the fork was 1: it keeps its threads. */
static void after_fork_in_child(void)
{
    forget_watch();
    forked_with_threads = threads_asked_for;
    main_runtime.num_threads = thread_runtime.num_threads = 1;
}

static PyObject *set_num_threads(PyObject *Py_UNUSED(none), PyObject *argument)
{
    long long count = PyLong_AsLongLong(argument);
    if (count == -1 && PyErr_Occurred())
        return NULL;
    if (count < 1) {
        PyErr_SetString(PyExc_ValueError, "the number of threads is at least 1");
        return NULL;
    }
    if (forked_with_threads)
        count = 1;
    if (count > 1)
        threads_asked_for = 1;
    main_runtime.num_threads = thread_runtime.num_threads = count;
    Py_RETURN_NONE;
}

static PyObject *set_pointer(PyObject *arguments, int lapack)
{
    Py_ssize_t index, count = lapack ? 64 : 32;
    PyObject *address;
    if (!PyArg_ParseTuple(arguments, "nO", &index, &address))
        return NULL;
    void *pointer = PyLong_AsVoidPtr(address);
    if (pointer == NULL && PyErr_Occurred())
        return NULL;
    if (index < 0 || index >= count) {
        PyErr_Format(PyExc_IndexError, "index %zd is not below %zd", index, count);
        return NULL;
    }
    const cg_foreign function = (cg_foreign)pointer;
    (lapack ? main_runtime.lapack : main_runtime.blas)[index] = function;
    (lapack ? thread_runtime.lapack : thread_runtime.blas)[index] = function;
    Py_RETURN_NONE;
}

static PyObject *set_blas(PyObject *Py_UNUSED(none), PyObject *arguments)
{
    return set_pointer(arguments, 0);
}

static PyObject *set_lapack(PyObject *Py_UNUSED(none), PyObject *arguments)
{
    return set_pointer(arguments, 1);
}

/* ---- binding -------------------------------------------------------------------------- */

static int parse_specs(PyObject *sequence, Spec *specs, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PySequence_GetItem(sequence, i);
        if (pair == NULL)
            return -1;
        int ok = PyArg_ParseTuple(pair, "ii;expected pairs (type number, rank)",
                                  &specs[i].typenum, &specs[i].ndim);
        Py_DECREF(pair);
        if (!ok)
            return -1;
        if (specs[i].ndim < 0 || specs[i].ndim > NPY_MAXDIMS) {
            PyErr_Format(PyExc_ValueError, "rank %d is not from 0 to %d", specs[i].ndim,
                         NPY_MAXDIMS);
            return -1;
        }
    }
    return 0;
}

static int is_cell(PyObject *object)
{
    if (PyList_CheckExact(object) && PyList_GET_SIZE(object) == 1)
        return 1;
    PyErr_SetString(PyExc_TypeError, "a stored value is a list of one array");
    return 0;
}

static int parse_hidden(Dispatcher *self, PyObject *hidden)
{
    self->hidden = PySequence_Tuple(hidden);
    if (self->hidden == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->hidden); i++)
        if (!is_cell(PyTuple_GET_ITEM(self->hidden, i)))
            return -1;
    return 0;
}

static int parse_updates(Dispatcher *self, PyObject *updates)
{
    Py_ssize_t count = PySequence_Size(updates);
    if (count < 0)
        return -1;
    self->n_updates = count;
    self->update_outputs = PyMem_Calloc((size_t)count + 1, sizeof(Py_ssize_t));
    self->update_lists = PyTuple_New(count);
    if (self->update_outputs == NULL || self->update_lists == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PySequence_GetItem(updates, i), *list;
        if (pair == NULL)
            return -1;
        int ok = PyArg_ParseTuple(pair, "nO;expected pairs (output, stored value)",
                                  &self->update_outputs[i], &list);
        if (ok) {
            Py_INCREF(list);
            PyTuple_SET_ITEM(self->update_lists, i, list);
        }
        Py_DECREF(pair);
        if (!ok || !is_cell(list))
            return -1;
        if (self->update_outputs[i] < self->n_returned || self->update_outputs[i] >= self->n_out) {
            PyErr_SetString(PyExc_ValueError, "an update is an output that is not returned");
            return -1;
        }
    }
    return 0;
}

static int parse_returns(Dispatcher *self, PyObject *returns)
{
    if (PyTuple_CheckExact(returns) && PyTuple_GET_SIZE(returns) == self->n_returned) {
        self->returns = Py_NewRef(returns);
        return 0;
    }
    if (PyUnicode_Check(returns)) {
        if (PyUnicode_CompareWithASCIIString(returns, "list") == 0) {
            self->returns = Py_NewRef(Py_None);
            return 0;
        }
        if (PyUnicode_CompareWithASCIIString(returns, "single") == 0 && self->n_returned == 1)
            return 0;
    }
    PyErr_SetString(PyExc_ValueError,
                    "returns is 'single' (of one output), 'list', or a tuple of names");
    return -1;
}

static int parse_arrays(Dispatcher *self, PyObject *inputs, PyObject *outputs)
{
    Py_ssize_t n_in = PySequence_Size(inputs), n_out = PySequence_Size(outputs);
    if (n_in < 0 || n_out < 0)
        return -1;
    self->specs = PyMem_Calloc((size_t)(n_in + n_out) + 1, sizeof(Spec));
    self->descrs = PyMem_Calloc((size_t)n_out + 1, sizeof(PyArray_Descr *));
    if (self->specs == NULL || self->descrs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->n_in = n_in;
    self->n_out = n_out;
    if (parse_specs(inputs, self->specs, n_in) < 0 ||
        parse_specs(outputs, self->specs + n_in, n_out) < 0)
        return -1;
    for (Py_ssize_t i = 0; i < n_out; i++) {
        self->descrs[i] = PyArray_DescrFromType(self->specs[n_in + i].typenum);
        if (self->descrs[i] == NULL)
            return -1;
    }
    self->n_dims = 0;
    for (Py_ssize_t i = 0; i < n_in + n_out; i++)
        self->n_dims += self->specs[i].ndim;
    return 0;
}

static void forget(Dispatcher *self)
{
    self->entry = NULL;
    if (self->descrs != NULL)
        for (Py_ssize_t i = 0; i < self->n_out; i++)
            Py_CLEAR(self->descrs[i]);
    PyMem_Free(self->descrs);
    PyMem_Free(self->specs);
    PyMem_Free(self->update_outputs);
    self->descrs = NULL;
    self->specs = NULL;
    self->update_outputs = NULL;
    free(self->spare);
    self->spare = NULL;
    Py_CLEAR(self->hidden);
    Py_CLEAR(self->update_lists);
    Py_CLEAR(self->returns);
    Py_CLEAR(self->owner);
}

PyDoc_STRVAR(bind_doc,
"_bind(*, entry, sizes, work, n_sizes, inputs, hidden, outputs, returns, n_returned,\n"
"      updates, always_release_gil, interruptible, owner, out_keyword)\n--\n\n"
"Connect to a kernel; once in the life of the object.");

static PyObject *dispatcher_bind(Dispatcher *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"entry", "sizes", "work", "n_sizes", "inputs", "hidden", "outputs",
                            "returns", "n_returned", "updates", "always_release_gil",
                            "interruptible", "owner", "out_keyword", NULL};
    PyObject *entry, *sizes, *work, *inputs, *hidden, *outputs, *returns, *updates, *owner;
    Py_ssize_t n_sizes, n_returned;
    int always_release, interruptible, out_keyword;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$OOOnOOOOnOppOp:_bind", names, &entry, &sizes,
                                     &work, &n_sizes, &inputs, &hidden, &outputs, &returns,
                                     &n_returned, &updates, &always_release, &interruptible,
                                     &owner, &out_keyword))
        return NULL;
    if (self->owner != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this function is already bound to a kernel");
        return NULL;
    }
    self->owner = Py_NewRef(owner);
    self->sizes = (sizes_function)PyLong_AsVoidPtr(sizes);
    self->work = (work_function)PyLong_AsVoidPtr(work);
    entry_function entry_point = (entry_function)PyLong_AsVoidPtr(entry);
    if (PyErr_Occurred())
        goto failed;
    self->n_returned = n_returned;
    self->n_sizes = n_sizes;
    self->always_release = always_release;
    self->interruptible = interruptible;
    self->out_keyword = out_keyword;
    if (parse_arrays(self, inputs, outputs) < 0 || parse_hidden(self, hidden) < 0)
        goto failed;
    self->n_user = self->n_in - PyTuple_GET_SIZE(self->hidden);
    if (self->sizes == NULL || self->work == NULL || entry_point == NULL || n_sizes < 0 ||
        self->n_user < 0 || n_returned < 0 || n_returned > self->n_out) {
        PyErr_SetString(PyExc_ValueError, "_bind: counts or addresses do not fit together");
        goto failed;
    }
    if (parse_updates(self, updates) < 0 || parse_returns(self, returns) < 0)
        goto failed;
    self->frame_bytes = (size_t)(self->n_in + self->n_out) * (sizeof(cg_array) + sizeof(void *)) +
                        (size_t)(self->n_dims + n_sizes + self->n_user) * sizeof(int64_t);
    self->entry = entry_point;
    Py_RETURN_NONE;
failed:
    forget(self);
    return NULL;
}
