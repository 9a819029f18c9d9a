"""Memory for results: `f(x, out=y)`, `f.bind(x)` and what `f.explain(x)` says of bytes.

Responsible for: which arrays may be given, and the errors that say why one may not.  Not
responsible for: writing to them or finding overlaps (`cgrad.cache.dispatcher`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from cgrad.core.dtypes import NUMPY
from cgrad.core.node import Node
from cgrad.errors import BoundCallError, CallError, ShapeError
from cgrad.parameters import Array, Parameter, as_array, label


def split(parameters: Sequence[Parameter], kwargs: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """The keyword arguments for inputs, and `out`, unless an input has that name."""
    if "out" not in kwargs or any(parameter.name == "out" for parameter in parameters):
        return kwargs, None
    return {key: value for key, value in kwargs.items() if key != "out"}, kwargs["out"]


def names(returns: str | tuple[str, ...], n_returned: int) -> list[str]:
    """How messages call the array given for each result."""
    if returns == "single":
        return ["out"]
    if returns == "list":
        return [f"out[{k}]" for k in range(n_returned)]
    return [f"out[{name!r}]" for name in returns]


def given(
    name: str, out: Any, nodes: Sequence[Node], returns: str | tuple[str, ...]
) -> tuple[Array | None, ...]:
    """An array or None for each result, made of `out`: each may be written to.

    out   an array where there is one result, a list or tuple, or for a function that returns a
          dict a dict of some of its names; None leaves a result to be allocated

    Raises CallError for anything else and for arrays of another dtype or layout, RankError and
    ShapeError for another rank or a size that was declared otherwise.
    """
    if out is None:
        return (None,) * len(nodes)
    if isinstance(returns, tuple) and isinstance(out, Mapping):
        unknown = [key for key in out if key not in returns]
        if unknown:
            raise CallError(
                f"{name}: out has {unknown[0]!r}, which is no result; the results are "
                f"{', '.join(map(repr, returns)) or 'none'}"
            )
        arrays = [out.get(key) for key in returns]
    elif isinstance(out, (list, tuple)):
        arrays = list(out)
    else:
        arrays = [out]
    if len(arrays) != len(nodes):
        raise CallError(
            f"{name}: out has {len(arrays)} arrays for {len(nodes)} results. Fix: pass a list with "
            "an array for each, or None in the place of one that is to be allocated"
        )
    for what, array, node in zip(names(returns, len(nodes)), arrays, nodes, strict=True):
        if array is not None:
            problem = _problem(array, node)
            if problem is not None:
                raise CallError(f"{name}: {what} {problem}")
    return tuple(arrays)


def _problem(array: Any, node: Node) -> str | None:
    """Why a kernel cannot write the value of a node to an array, and what to do."""
    dtype = NUMPY[node.dtype]
    fresh = f"Fix: pass numpy.empty(shape, {node.dtype!r}) of {node.ndim} axes"
    if type(array) is not np.ndarray:
        fix = "pass a view of it, numpy.asarray(y)" if isinstance(array, np.ndarray) else None
        return (
            f"is of type {type(array).__name__}, expected a numpy.ndarray. "
            f"{'Fix: ' + fix if fix else fresh}"
        )
    if array.dtype != dtype or not array.dtype.isnative:
        return f"has dtype {array.dtype.str!r}, expected {dtype.str!r}; nothing is cast. {fresh}"
    if array.ndim != node.ndim:
        return f"has {array.ndim} axes (shape {array.shape}), expected {node.ndim}. {fresh}"
    if not array.flags.writeable:
        return "is read-only. Fix: pass an array that may be written to"
    if not array.flags.c_contiguous or not array.flags.aligned:
        return (
            f"is not C-contiguous and aligned (strides {array.strides} for shape {array.shape}). "
            "Fix: let the function allocate its result and assign it, y[...] = f(x)"
        )
    return None


def refusal(
    name: str, outputs: Sequence[str], labels: Sequence[str], reason: str, place: int,
    array: Any, expected: tuple[int, ...],
) -> NoReturn:  # fmt: skip
    """Raise for a call that the dispatcher refuses.

    ShapeError for a result of another shape, CallError for memory that cannot be used,
    BoundCallError for a bound call that is running already.
    """
    if reason == "busy":
        raise BoundCallError(
            f"{name}: this bound call is running in another thread (or called itself); its "
            "results and workspace belong to one call at a time. Fix: f.bind(...) once for each "
            f"thread, or call {name} itself, which any number of threads may do at once"
        )
    if reason == "arguments":
        raise CallError(
            f"{name}: a bound call takes no arguments; it uses the arrays it was bound to. Fix: "
            "write new values into those arrays (x[...] = values), or bind again"
        )
    if reason == "input":
        found = f"now {array.dtype} of shape {array.shape}" if array is not None else "no array"
        raise CallError(
            f"{name}: argument {labels[place]} of this bound call was changed in place and does "
            f"not fit any more: it is {found}, maybe no longer C-contiguous. Fix: bind again"
        )
    what = outputs[place]
    if reason == "shape":
        raise ShapeError(
            f"{name}: {what} has shape {array.shape}, but the result has shape {expected}. Fix: "
            f"pass numpy.empty({expected}), or leave it out; of a bound call: bind again where "
            "sizes have changed"
        )
    if reason == "overlap":
        raise CallError(
            f"{name}: {what} shares memory with an earlier result. Fix: pass arrays that do not "
            "overlap"
        )
    raise CallError(
        f"{name}: {what} cannot be written to any more: it was made read-only, or its dtype, rank "
        "or layout was changed in place. Fix: pass another array, or bind again"
    )


def lasting(value: Any, node: Node, what: str, parameter: Parameter) -> Array:
    """The argument of a bound call: the very memory of an array, or the value of a number.

    Raises CallError if only a copy would fit, because it would not follow later changes.
    """
    array = as_array(value, node, what, parameter.downcast, parameter.strict)
    if isinstance(value, np.ndarray):
        if array is value or np.may_share_memory(array, value):
            return array
        raise CallError(
            f"{what} ({value.dtype}, shape {value.shape}) would have to be copied to {node.dtype} "
            "in C order, and the copy would not follow what is written to it later. Fix: bind "
            f"numpy.ascontiguousarray({node.name or 'it'}, {node.dtype!r}) and write to that"
        )
    if np.ndim(value) == 0 and isinstance(value, (bool, int, float, np.generic)):
        return array
    raise CallError(
        f"{what} is a {type(value).__name__}, of which a bound call would keep a copy that does "
        "not follow later changes. Fix: bind a numpy array, and write to that"
    )


def memory(inputs: Sequence[Any], outputs: int, workspace: int) -> str:
    """The bytes of one call in a line."""
    # a cell or an array may be passed twice; it is there once
    distinct = {id(array): int(array.nbytes) for array in inputs}
    read = sum(distinct.values())
    return (
        f"inputs {read}, outputs {outputs}, workspace {workspace}, in all "
        f"{read + outputs + workspace} bytes"
    )


def argument_labels(parameters: Sequence[Parameter]) -> list[str]:
    """How messages call the arguments."""
    return [label(parameter, k) for k, parameter in enumerate(parameters)]
