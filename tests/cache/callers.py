"""Calling a kernel without a dispatcher."""

import ctypes


def call_scalar(kernel, value):
    """The value of a kernel from one 0-d float64 to one 0-d float64."""
    prototype = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 6)
    x, y = ctypes.c_double(value), ctypes.c_double()
    arrays = [(ctypes.c_void_p * 2)(ctypes.addressof(scalar), None) for scalar in (x, y)]
    status = (ctypes.c_int64 * 5)()
    assert prototype(kernel.entry_address)(None, *arrays, None, None, status) == 0
    return y.value
