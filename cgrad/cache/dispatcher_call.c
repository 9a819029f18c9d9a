/* The compiled dispatcher, part 4 of 6: one call. */

enum {
    SMALL_WORK = 4096,         /* bytes of workspace on the C stack */
    RELEASE_BYTES = 4096,      /* from here on other threads may run meanwhile */
    INTERRUPT_BYTES = 64 << 10 /* from here on Ctrl-C is worth three system calls */
};

/* ---- failure -------------------------------------------------------------------------- */

/* Ask Python to raise for a status; always returns NULL with an error set. */
static PyObject *fail(Dispatcher *self, Frame *frame, PyObject *const *args, int64_t code,
                      const cg_status *status)
{
    if (code == CG_INTERRUPTED)
        return NULL; /* its handler has raised */
    PyObject *arrays = PyTuple_New(self->n_in);
    if (arrays == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < self->n_in; i++)
        PyTuple_SET_ITEM(arrays, i,
                         Py_NewRef(frame->held[i] != NULL ? frame->held[i] : args[i]));
    PyObject *answer = PyObject_CallMethod(
        (PyObject *)self, "_fail", "LLLLLN", (long long)code, (long long)status->tag,
        (long long)status->axis, (long long)status->found, (long long)status->expected, arrays);
    if (answer != NULL) {
        Py_DECREF(answer);
        PyErr_Format(PyExc_RuntimeError, "the kernel failed with code %lld and nobody said why",
                     (long long)code);
    }
    return NULL;
}

/* ---- workspace and running ------------------------------------------------------------ */

static void *find_work(Dispatcher *self, Frame *frame, int64_t bytes, char *small)
{
    if (bytes <= SMALL_WORK)
        return small;
    Spare *spare = frame->spare; /* a bound call keeps its own */
    frame->spare = NULL;
    if (spare == NULL)
        spare = __atomic_exchange_n(&self->spare, NULL, __ATOMIC_ACQ_REL);
    if (spare == NULL || spare->capacity < (size_t)bytes) {
        free(spare);
        size_t total = ((size_t)bytes + sizeof(Spare) + 63) & ~(size_t)63;
        spare = total > (size_t)bytes ? aligned_alloc(64, total) : NULL;
        if (spare == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        spare->capacity = total - sizeof(Spare);
    }
    frame->spare = spare;
    return spare + 1;
}

/* Run without the GIL; CG_INTERRUPTED if Ctrl-C came, with an error set if its handler raised. */
static int64_t run_released(Dispatcher *self, Frame *frame, int64_t bytes, void *work,
                            cg_status *status)
{
    int64_t code;
    int watching = bytes >= INTERRUPT_BYTES && self->interruptible && start_watch();
    if (watching && PyErr_CheckSignals() < 0) { /* one that came before */
        stop_watch();
        return CG_INTERRUPTED;
    }
    Py_BEGIN_ALLOW_THREADS
    if (watching)
        code = run_watched(self->entry, &main_runtime, frame, work, status);
    else
        code = self->entry(&thread_runtime, frame->in, frame->out, frame->size, work, status);
    Py_END_ALLOW_THREADS
    if (watching)
        stop_watch();
    if (code != CG_INTERRUPTED || PyErr_CheckSignals() < 0)
        return code;
    /* the program's own handler goes on; what was written so far is written again */
    *status = (cg_status){0, -1, -1, 0, 0};
    Py_BEGIN_ALLOW_THREADS
    code = self->entry(&thread_runtime, frame->in, frame->out, frame->size, work, status);
    Py_END_ALLOW_THREADS
    return code;
}

/* ---- one call ------------------------------------------------------------------------- */

static int64_t bytes_of(const PyArrayObject *array)
{
    return (int64_t)PyArray_NBYTES(array);
}

/* Sizes, checks and shapes from the arguments: the bytes of workspace, or -1 with an error. */
static inline int64_t measure(Dispatcher *self, Frame *frame, PyObject *const *args)
{
    cg_status status = {0, -1, -1, 0, 0};
    if (take_hidden_inputs(self, frame) < 0)
        return -1;
    int64_t code = self->sizes(frame->in, frame->size, frame->out, &status);
    if (code != CG_OK) {
        fail(self, frame, args, code, &status);
        return -1;
    }
    int64_t needed = self->work(frame->size);
    if (needed < 0 || needed > INT64_MAX / 2) {
        PyErr_NoMemory();
        return -1;
    }
    return needed;
}

static PyObject *run(Dispatcher *self, Frame *frame, PyObject *const *args)
{
    _Alignas(64) char small[SMALL_WORK];
    cg_status status = {0, -1, -1, 0, 0};
    int64_t code, needed = measure(self, frame, args);
    if (needed < 0 || make_outputs(self, frame, args) < 0)
        return NULL;
    void *work = find_work(self, frame, needed, small);
    if (work == NULL)
        return NULL;

    int64_t bytes = self->always_release ? INTERRUPT_BYTES : needed;
    for (Py_ssize_t i = 0; i < self->n_out; i++)
        bytes += bytes_of(frame->made[i]);
    for (Py_ssize_t i = 0; i < self->n_in && bytes < INTERRUPT_BYTES; i++)
        if (self->specs[i].ndim > 0 || i >= self->n_user)
            bytes += bytes_of(array_of(self, frame, args, i));

    if (bytes >= RELEASE_BYTES)
        code = run_released(self, frame, bytes, work, &status);
    else
        code = self->entry(&thread_runtime, frame->in, frame->out, frame->size, work, &status);
    if (code != CG_OK)
        return fail(self, frame, args, code, &status);
    if (shrink_outputs(self, frame) < 0 || fill_given(self, frame) < 0)
        return NULL;
    PyObject *result = make_result(self, frame);
    for (Py_ssize_t i = 0; result != NULL && i < self->n_updates; i++) {
        PyObject *value = give(frame, self->update_outputs[i]);
        if (PyList_SetItem(PyTuple_GET_ITEM(self->update_lists, i), 0, value) < 0)
            Py_CLEAR(result);
    }
    return result;
}

/* The call, if every argument fits as it is; *misfit is set if one does not. */
static PyObject *attempt(Dispatcher *self, PyObject *const *args, PyObject *const *given,
                         int *misfit)
{
    _Alignas(16) char small[SMALL_FRAME];
    Frame frame;
    PyObject *result = NULL;
    if (open_frame(self, &frame, small) < 0)
        return NULL;
    frame.given = given;
    *misfit = !take_user_inputs(self, &frame, args);
    if (!*misfit)
        result = run(self, &frame, args);
    close_frame(self, &frame);
    return result;
}

static PyObject *keyword_dict(PyObject *const *values, PyObject *names)
{
    PyObject *dict = PyDict_New();
    Py_ssize_t count = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; dict != NULL && i < count; i++)
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(names, i), values[i]) < 0)
            Py_CLEAR(dict);
    return dict;
}

/* The call after Python has turned the arguments into arrays. */
static PyObject *call_converted(Dispatcher *self, PyObject *args, PyObject *kwargs)
{
    int misfit = 1;
    PyObject *result = NULL;
    PyObject *arrays = PyObject_CallMethod((PyObject *)self, "_convert", "OO", args, kwargs);
    if (arrays == NULL)
        return NULL;
    Py_ssize_t count = PyTuple_Check(arrays) ? PyTuple_GET_SIZE(arrays) : -1;
    PyObject *const *items = count < 0 ? NULL : ((PyTupleObject *)arrays)->ob_item;
    if (count == self->n_user)
        result = attempt(self, items, NULL, &misfit);
    else if (count == self->n_user + self->n_returned)
        result = attempt(self, items, items + self->n_user, &misfit);
    if (misfit)
        PyErr_SetString(PyExc_RuntimeError,
                        "_convert did not return a tuple of arrays that fit the kernel");
    Py_DECREF(arrays);
    return result;
}

/* The tuple of arrays and None that out= gives for the results, if nothing speaks against it;
 * NULL, maybe with an error, if Python has to look at it. */
static PyObject *memory_given(Dispatcher *self, PyObject *out)
{
    PyObject *tuple = PyList_CheckExact(out) || PyTuple_CheckExact(out) ? PySequence_Tuple(out)
                                                                        : PyTuple_Pack(1, out);
    int good = tuple != NULL && out != Py_None && PyTuple_GET_SIZE(tuple) == self->n_returned;
    for (Py_ssize_t i = 0; good && i < self->n_returned; i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);
        good = item == Py_None || fits_output(self, i, item);
    }
    if (!good)
        Py_CLEAR(tuple);
    return tuple;
}

/* `attempt` with memory for the results. */
static PyObject *attempt_into(Dispatcher *self, PyObject *const *args, PyObject *out, int *misfit)
{
    PyObject *memory = memory_given(self, out), *result = NULL;
    if (memory != NULL)
        result = attempt(self, args, ((PyTupleObject *)memory)->ob_item, misfit);
    else
        *misfit = !PyErr_Occurred();
    Py_XDECREF(memory);
    return result;
}

static int only_out(Dispatcher *self, PyObject *names)
{
    return self->out_keyword && PyTuple_GET_SIZE(names) == 1 &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "out") == 0;
}

static PyObject *not_bound(void)
{
    PyErr_SetString(PyExc_RuntimeError, "this function is not bound to a kernel");
    return NULL;
}

/* tp_call: also what super().__call__ reaches from a subclass. */
static PyObject *dispatcher_call(PyObject *object, PyObject *args, PyObject *kwargs)
{
    Dispatcher *self = (Dispatcher *)object;
    if (self->entry == NULL)
        return not_bound();
    if ((kwargs == NULL || PyDict_GET_SIZE(kwargs) == 0) &&
        PyTuple_GET_SIZE(args) == self->n_user) {
        int misfit = 0;
        PyObject *result = attempt(self, ((PyTupleObject *)args)->ob_item, NULL, &misfit);
        if (!misfit)
            return result;
    }
    PyObject *keywords = kwargs == NULL ? PyDict_New() : Py_NewRef(kwargs);
    if (keywords == NULL)
        return NULL;
    PyObject *result = call_converted(self, args, keywords);
    Py_DECREF(keywords);
    return result;
}

static PyObject *dispatcher_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf,
                                       PyObject *names)
{
    Dispatcher *self = (Dispatcher *)object;
    Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    ternaryfunc call = Py_TYPE(object)->tp_call;
    if (call == dispatcher_call) {
        if (self->entry == NULL)
            return not_bound();
        if (count == self->n_user && (names == NULL || only_out(self, names))) {
            int misfit = 0;
            PyObject *result = names == NULL ? attempt(self, args, NULL, &misfit)
                                             : attempt_into(self, args, args[count], &misfit);
            if (!misfit)
                return result;
        }
    }
    /* Rare: the arguments need conversion, or a subclass was given a __call__ afterwards. */
    PyObject *result = NULL, *keywords = keyword_dict(args + count, names);
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    if (tuple != NULL && keywords != NULL)
        result = call == dispatcher_call ? call_converted(self, tuple, keywords)
                                         : call(object, tuple, keywords);
    Py_XDECREF(tuple);
    Py_XDECREF(keywords);
    return result;
}
