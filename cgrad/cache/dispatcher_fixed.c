/* The compiled dispatcher, part 5 of 6: a call that is repeated with the same arrays.
 *
 * The object keeps references to its arrays, the bookkeeping and the workspace. Addresses, ranks
 * and sizes are read from the arrays again at each call, which costs a few nanoseconds for each:
 * an array may be given another shape or other memory in place, an integer argument another
 * value, a shared variable another array. What no longer fits is refused. */

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *weakrefs;
    Dispatcher *function;
    PyObject *args;  /* tuple: arrays, numbers, and stored values (lists of one array) */
    PyObject *given; /* tuple: the arrays of the outputs that are returned */
    Frame frame;
    int busy; /* a call is running, maybe without the GIL */
} Fixed;

static PyTypeObject *fixed_type;

static int take_fixed_inputs(Dispatcher *self, Frame *frame, PyObject *args)
{
    PyObject *const *items = ((PyTupleObject *)args)->ob_item;
    for (Py_ssize_t i = 0; i < self->n_user; i++) {
        if (PyList_CheckExact(items[i])) {
            if (take_stored(self, frame, i, items[i]) < 0)
                return -1;
        }
        else if (!take_user_input(self, frame, i, items[i])) {
            refuse(self, "input", i, PyArray_Check(items[i]) ? (PyArrayObject *)items[i] : NULL,
                   NULL, 0);
            return -1;
        }
    }
    return 0;
}

static PyObject *fixed_run(Fixed *self)
{
    /* with the GIL, or in a Python without it, only one thread finds 0 here */
    if (__atomic_exchange_n(&self->busy, 1, __ATOMIC_ACQUIRE)) {
        refuse(self->function, "busy", 0, NULL, NULL, 0);
        return NULL;
    }
    Dispatcher *function = (Dispatcher *)Py_NewRef(self->function);
    PyObject *result = NULL;
    if (function->entry == NULL) /* while a cycle is being collected */
        not_bound();
    else if (take_fixed_inputs(function, &self->frame, self->args) == 0)
        result = run(function, &self->frame, ((PyTupleObject *)self->args)->ob_item);
    clear_frame(function, &self->frame);
    __atomic_store_n(&self->busy, 0, __ATOMIC_RELEASE);
    Py_DECREF(function);
    return result;
}

static PyObject *fixed_vectorcall(PyObject *object, PyObject *const *Py_UNUSED(args),
                                  size_t nargsf, PyObject *names)
{
    Fixed *self = (Fixed *)object;
    if (PyVectorcall_NARGS(nargsf) > 0 || (names != NULL && PyTuple_GET_SIZE(names) > 0)) {
        refuse(self->function, "arguments", 0, NULL, NULL, 0);
        return NULL;
    }
    return fixed_run(self);
}

/* ---- making one ----------------------------------------------------------------------- */

static int fixed_traverse(Fixed *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->function);
    Py_VISIT(self->args);
    Py_VISIT(self->given);
    return 0;
}

/* Cycles go through the function or the lists, which are cleared themselves; a call needs what
 * is here to the end. */
static void fixed_dealloc(Fixed *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs((PyObject *)self);
    if (self->function != NULL)
        close_frame(self->function, &self->frame);
    Py_XDECREF(self->function);
    Py_XDECREF(self->args);
    Py_XDECREF(self->given);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(fix_doc,
"_fix(args, given)\n--\n\n"
"An object that calls the kernel with these arguments and writes to these arrays.");

static PyObject *dispatcher_fix(Dispatcher *self, PyObject *arguments)
{
    PyObject *args, *given;
    if (!PyArg_ParseTuple(arguments, "O!O!:_fix", &PyTuple_Type, &args, &PyTuple_Type, &given))
        return NULL;
    if (self->entry == NULL)
        return not_bound();
    if (PyTuple_GET_SIZE(args) != self->n_user || PyTuple_GET_SIZE(given) != self->n_returned) {
        PyErr_SetString(PyExc_ValueError, "_fix: one item for each argument and each result");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < self->n_user; i++)
        if (PyList_CheckExact(PyTuple_GET_ITEM(args, i)) && !is_cell(PyTuple_GET_ITEM(args, i)))
            return NULL;
    Fixed *fixed = (Fixed *)fixed_type->tp_alloc(fixed_type, 0);
    if (fixed == NULL)
        return NULL;
    fixed->vectorcall = fixed_vectorcall;
    /* no room on the stack is offered: the frame outlives this call */
    if (open_frame(self, &fixed->frame, NULL) < 0) {
        Py_DECREF(fixed);
        return NULL;
    }
    fixed->function = (Dispatcher *)Py_NewRef(self);
    fixed->args = Py_NewRef(args);
    fixed->given = Py_NewRef(given);
    fixed->frame.given = ((PyTupleObject *)given)->ob_item;
    return (PyObject *)fixed;
}

PyDoc_STRVAR(measure_doc,
"_measure(args)\n--\n\n"
"The bytes of workspace of a call with these arrays, and the shapes its outputs are given at\n"
"first; where a length depends on computed values, its bound.");

static PyObject *shapes_of_outputs(Dispatcher *self, Frame *frame)
{
    PyObject *shapes = PyTuple_New(self->n_out);
    for (Py_ssize_t i = 0; shapes != NULL && i < self->n_out; i++) {
        PyObject *shape =
            shape_tuple(frame->out[i].shape, self->specs[self->n_in + i].ndim);
        if (shape == NULL)
            Py_CLEAR(shapes);
        else
            PyTuple_SET_ITEM(shapes, i, shape);
    }
    return shapes;
}

static PyObject *dispatcher_measure(Dispatcher *self, PyObject *args)
{
    if (self->entry == NULL)
        return not_bound();
    if (!PyTuple_Check(args) || PyTuple_GET_SIZE(args) != self->n_user) {
        PyErr_SetString(PyExc_ValueError, "_measure: a tuple with one item for each argument");
        return NULL;
    }
    _Alignas(16) char small[SMALL_FRAME];
    Frame frame;
    PyObject *result = NULL;
    if (open_frame(self, &frame, small) < 0)
        return NULL;
    if (take_fixed_inputs(self, &frame, args) == 0) {
        int64_t bytes = measure(self, &frame, ((PyTupleObject *)args)->ob_item);
        if (bytes >= 0) {
            PyObject *shapes = shapes_of_outputs(self, &frame);
            if (shapes != NULL)
                result = Py_BuildValue("LN", (long long)bytes, shapes);
        }
    }
    close_frame(self, &frame);
    return result;
}

static PyMemberDef fixed_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Fixed, vectorcall), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Fixed, weakrefs), READONLY, NULL},
    {"function", T_OBJECT, offsetof(Fixed, function), READONLY, "The function that is called."},
    {"arguments", T_OBJECT, offsetof(Fixed, args), READONLY,
     "What it is called with: arrays and numbers; a list of one array where an argument was\n"
     "left out, the value it has then."},
    {"outputs", T_OBJECT, offsetof(Fixed, given), READONLY, "The arrays that each call fills."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot fixed_slots[] = {
    {Py_tp_doc, "A function with its arguments and the arrays of its results; call it without any."},
    {Py_tp_dealloc, fixed_dealloc},
    {Py_tp_traverse, fixed_traverse},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, fixed_members},
    {0, NULL},
};

static PyType_Spec fixed_spec = {
    .name = "cgrad.cache.dispatcher.BoundCall",
    .basicsize = sizeof(Fixed),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = fixed_slots,
};
