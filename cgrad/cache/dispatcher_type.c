/* The compiled dispatcher, part 6 of 6: the Python type and its module. */

static PyObject *dispatcher_new(PyTypeObject *type, PyObject *Py_UNUSED(args),
                                PyObject *Py_UNUSED(kwargs))
{
    Dispatcher *self = (Dispatcher *)type->tp_alloc(type, 0);
    if (self != NULL)
        self->vectorcall = dispatcher_vectorcall;
    return (PyObject *)self;
}

static int dispatcher_traverse(Dispatcher *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->hidden);
    Py_VISIT(self->update_lists);
    Py_VISIT(self->returns);
    Py_VISIT(self->owner);
    return 0;
}

static int dispatcher_clear(Dispatcher *self)
{
    forget(self);
    return 0;
}

static void dispatcher_dealloc(Dispatcher *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs((PyObject *)self);
    forget(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Python 3.11 does not let mutable subclasses inherit vectorcall; later versions do, and take
 * it back when __call__ is set. Here vectorcall itself looks at tp_call, so it is safe. */
static PyObject *dispatcher_init_subclass(PyObject *cls, PyObject *Py_UNUSED(none))
{
    PyTypeObject *type = (PyTypeObject *)cls;
    if (type->tp_call == dispatcher_call && !(type->tp_flags & Py_TPFLAGS_HAVE_VECTORCALL)) {
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        PyType_Modified(type);
    }
    Py_RETURN_NONE;
}

static PyMethodDef dispatcher_methods[] = {
    {"_bind", (PyCFunction)(void (*)(void))dispatcher_bind, METH_VARARGS | METH_KEYWORDS,
     bind_doc},
    {"_measure", (PyCFunction)dispatcher_measure, METH_O, measure_doc},
    {"_fix", (PyCFunction)dispatcher_fix, METH_VARARGS, fix_doc},
    {"_set_num_threads", set_num_threads, METH_O | METH_STATIC,
     "_set_num_threads(count)\n--\n\nThe most threads one call may use."},
    {"_set_blas", set_blas, METH_VARARGS | METH_STATIC,
     "_set_blas(index, address)\n--\n\nGive kernels a BLAS function."},
    {"_set_lapack", set_lapack, METH_VARARGS | METH_STATIC,
     "_set_lapack(index, address)\n--\n\nGive kernels a LAPACK function."},
    {"__init_subclass__", dispatcher_init_subclass, METH_NOARGS | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef dispatcher_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Dispatcher, vectorcall), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Dispatcher, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(dispatcher_doc,
"Calls a kernel with NumPy arrays.\n\n"
"A subclass has two methods for what is rare: _convert(args, kwargs) returns a tuple of arrays\n"
"that fit, and _fail(code, tag, axis, found, expected, arrays) raises.");

static PyType_Slot dispatcher_slots[] = {
    {Py_tp_doc, (void *)dispatcher_doc},
    {Py_tp_new, dispatcher_new},
    {Py_tp_dealloc, dispatcher_dealloc},
    {Py_tp_traverse, dispatcher_traverse},
    {Py_tp_clear, dispatcher_clear},
    {Py_tp_call, dispatcher_call},
    {Py_tp_methods, dispatcher_methods},
    {Py_tp_members, dispatcher_members},
    {0, NULL},
};

static PyType_Spec dispatcher_spec = {
    .name = "cgrad.cache.dispatcher.Dispatcher",
    .basicsize = sizeof(Dispatcher),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = dispatcher_slots,
};

static int module_exec(PyObject *module)
{
    if (PyArray_ImportNumPyAPI() < 0)
        return -1;
    if (fixed_type == NULL)
        fixed_type = (PyTypeObject *)PyType_FromSpec(&fixed_spec);
    if (fixed_type == NULL)
        return -1;
    PyObject *type = PyType_FromModuleAndSpec(module, &dispatcher_spec, NULL);
    if (type == NULL)
        return -1;
    int failed = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return failed < 0 || pthread_atfork(NULL, NULL, after_fork_in_child) != 0 ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_cgrad_dispatcher",
    .m_doc = "The compiled dispatcher of cgrad.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__cgrad_dispatcher(void)
{
    return PyModuleDef_Init(&module_definition);
}
