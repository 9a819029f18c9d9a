"""Compiled functions: converting arguments, turning a kernel's status into an error, looking in.

A `CompiledFunction` is a subclass of the compiled dispatcher type (`cgrad.cache.dispatcher`),
which serves the ordinary call without entering Python; what does not fit comes to `_convert`.

Responsible for: what a user sees of a function.  Not responsible for: the passes (`pipeline`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad import config
from cgrad.cache.dispatcher import start_dispatcher
from cgrad.cache.load import Kernel
from cgrad.core.dtypes import NUMPY
from cgrad.core.node import Node, render_shape
from cgrad.core.sites import describe
from cgrad.core.text import dprint
from cgrad.errors import CallError, CgradError, IndexBoundsError, RankError, ShapeError
from cgrad.ops.scalar import Elementwise
from cgrad.pipeline import Program, load, simplified

CG_SHAPE, CG_INDEX, CG_EMPTY, CG_VALUE, _, CG_MEMORY = range(1, 7)


class FunctionGraph:
    """The graph of a function after the rewrites."""

    __slots__ = ("inputs", "outputs")

    def __init__(self, inputs: list[Node], outputs: list[Node]) -> None:
        self.inputs = inputs
        self.outputs = outputs

    def __repr__(self) -> str:
        return dprint(self.outputs, file="str") or ""


class Maker:
    """What a function was made from; `fgraph` runs the rewrites again when it is read."""

    __slots__ = ("_fgraph", "program")

    def __init__(self, program: Program) -> None:
        self.program = program
        self._fgraph: FunctionGraph | None = None

    @property
    def fgraph(self) -> FunctionGraph:
        """The rewritten graph: `.inputs` and `.outputs`."""
        if self._fgraph is None:
            self._fgraph = FunctionGraph(self.program.inputs, simplified(self.program))
        return self._fgraph


class Plan:
    """What a function is to be: its program and how arguments and results are arranged.

    updates pairs the place of an output with the storage it is written to.
    """

    __slots__ = ("n_inputs", "n_returned", "program", "returns", "updates")

    def __init__(
        self,
        program: Program,
        returns: str,
        n_returned: int,
        updates: Sequence[tuple[int, list[Any]]],
    ) -> None:
        self.program = program
        self.n_inputs = len(program.inputs) - len(program.hidden)
        self.returns = returns
        self.n_returned = n_returned
        self.updates = list(updates)


class FunctionMethods:
    """The part of a compiled function that is written in Python."""

    maker: Maker
    name: str
    _plan: Plan
    _kernel: Kernel

    # -- arguments ----------------------------------------------------------------------------
    def _convert(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Arrays of the dtypes, ranks and layout the kernel takes; arguments are not changed."""
        wanted = self._plan.program.inputs[: self._plan.n_inputs]
        given = _bind(self.name, wanted, args, kwargs)
        return tuple(
            _as_array(value, node, f"{self.name}: argument {_label(node, k)}")
            for k, (value, node) in enumerate(zip(given, wanted, strict=True))
        )

    def _fail(
        self, code: int, tag: int, axis: int, found: int, expected: int, arrays: tuple[Any, ...]
    ) -> None:
        nodes = self._plan.program.nodes
        node = nodes[tag] if 0 <= tag < len(nodes) else None
        raise _error(self, node, code, axis, found, expected, arrays)

    # -- looking in ---------------------------------------------------------------------------
    @property
    def c_source(self) -> str:
        """The C file the function runs."""
        return self._kernel.source

    def explain(self) -> str:
        """How the function came to be: graph, kernel, cache."""
        program, kernel = self._plan.program, self._kernel
        meta = kernel.meta
        before, after = len(program.nodes), len(_count(self.maker.fgraph.outputs))
        how = (
            f"compiled in {kernel.build_seconds:.3f} s"
            if kernel.origin == "built"
            else "found in the cache"
        )
        lines = [
            f"{self!r}",
            f"  graph     {before} nodes as written, {after} after the rewrites",
            f"  kernel    {meta['nests']} loop nests, {meta['slots']} workspace slots",
            f"  sizes     {', '.join(meta['sizes']) or 'none'}",
            f"  library   {kernel.path} ({how})",
            f"  key       {kernel.key}",
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        program = self._plan.program
        inputs = ", ".join(
            f"{_label(node, k)}: {node.type!r}"
            for k, node in enumerate(program.inputs[: self._plan.n_inputs])
        )
        outputs = ", ".join(repr(n.type) for n in program.outputs[: self._plan.n_returned])
        return f"<compiled {self.name}({inputs}) -> {outputs or 'nothing'}>"


def _count(outputs: Sequence[Node]) -> set[Node]:
    seen: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.args)
    return seen


_class: Any = None


def compile_plan(plan: Plan) -> Any:
    """The function of a plan; compiles what is not in the cache, kernel and dispatcher at once."""
    global _class
    with start_dispatcher() as pending:
        kernel = load(plan.program)
        base = pending.result()
    if _class is None:
        _class = type("CompiledFunction", (FunctionMethods, base), {"__doc__": _DOC})
        threads = config.num_threads.get()
        if threads:
            base._set_num_threads(threads)
    program = plan.program
    f = _class()
    f.name, f.maker, f._plan, f._kernel = program.name, Maker(program), plan, kernel
    f._bind(
        entry=kernel.entry_address,
        sizes=kernel.sizes_address,
        work=kernel.work_address,
        n_sizes=sum(node.ndim + 1 for node in program.inputs),
        inputs=[_spec(node) for node in program.inputs],
        hidden=[_storage(node) for node in program.hidden],
        outputs=[_spec(node) for node in program.outputs],
        returns=plan.returns,
        n_returned=plan.n_returned,
        updates=plan.updates,
        always_release_gil=any(node.op.name in ("scan", "dot") for node in program.nodes),
        owner=kernel,
    )
    return f


_DOC = """A function compiled to C.

Call it with arrays, in order or by the names of its inputs; results are fresh arrays.
"""


def _spec(node: Node) -> tuple[int, int]:
    return NUMPY[node.dtype].num, node.ndim


def _storage(node: Node) -> list[Any]:
    op: Any = node.op
    return op.storage if hasattr(op, "storage") else [op.value]


# -- arguments --------------------------------------------------------------------------------
def _label(node: Node, k: int) -> str:
    return node.name or str(k + 1)


def _bind(
    name: str, wanted: Sequence[Node], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Any]:
    """The arguments in order; CallError for a wrong number or an unknown name."""
    signature = f"{name}({', '.join(_label(node, k) for k, node in enumerate(wanted))})"
    if len(args) > len(wanted):
        raise CallError(f"{signature} takes {len(wanted)} arguments, found {len(args)}")
    values: dict[int, Any] = dict(enumerate(args))
    places = {node.name: k for k, node in enumerate(wanted) if node.name}
    for key, value in kwargs.items():
        if key not in places:
            raise CallError(f"{signature} has no argument called {key!r}")
        if places[key] in values:
            raise CallError(f"{signature} got two values for argument {key!r}")
        values[places[key]] = value
    missing = [_label(node, k) for k, node in enumerate(wanted) if k not in values]
    if missing:
        raise CallError(
            f"{signature} takes {len(wanted)} arguments, found {len(values)}; "
            f"missing: {', '.join(missing)}"
        )
    return [values[k] for k in range(len(wanted))]


def _as_array(value: Any, node: Node, what: str) -> np.ndarray[Any, Any]:
    """A row-major array of the node's dtype and rank, without losing anything."""
    target = NUMPY[node.dtype]
    if isinstance(value, Node):
        raise CallError(
            f"{what} is symbolic ({value!r}); a compiled function takes numbers and arrays"
        )
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise CallError(f"{what} has masked elements, which would be lost; fill them first")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise CallError(f"{what}: cannot make an array of it: {error}") from None
    typed = isinstance(value, (np.ndarray, np.generic))
    if not _fits(array, target, typed):
        raise CallError(_misfit(what, node, array))
    if array.ndim != node.ndim:
        raise RankError(
            f"{what} has {_axes(array.ndim)} (shape {array.shape}), expected {node.ndim} "
            f"(shape {render_shape(node.dims)}). Fix: reshape it, or declare the input with "
            f"{_axes(array.ndim)}"
        )
    return np.array(array, dtype=target, order="C", copy=None, subok=False)


def _axes(n: int) -> str:
    return f"{n} axis" if n == 1 else f"{n} axes"


def _misfit(what: str, node: Node, array: np.ndarray[Any, Any]) -> str:
    """The message for a dtype that does not fit."""
    found, wanted = array.dtype, node.dtype
    if found.kind not in "biuf":
        return (
            f"{what} has dtype {found}, expected {wanted}: numbers that {wanted} can hold. "
            "Fix: look at what was passed; text, None, complex numbers and integers beyond 64 bits "
            "have no place in it"
        )
    declare = f", or declare the input with dtype={found.name!r}" if found.name in NUMPY else ""
    return (
        f"{what} has dtype {found}, expected {wanted}; the conversion could lose information. "
        f"Fix: pass numpy.asarray({node.name or 'it'}).astype({wanted!r}) if that is meant{declare}"
    )


def _fits(array: np.ndarray[Any, Any], target: np.dtype[Any], typed: bool) -> bool:
    """Whether a conversion loses nothing; untyped Python numbers count by kind and value."""
    if array.dtype.kind not in "biuf":
        return array.size == 0 and not typed
    if typed:
        return bool(np.can_cast(array.dtype, target, "safe"))
    order = "biuf"
    if array.size == 0:
        return True
    if target.kind == "f":
        if array.dtype.kind in "iu" and target == np.float64:
            return bool(np.all(np.abs(array.astype(np.float64)) <= 2.0**53))
        return True
    if target.kind in "iu" and array.dtype.kind in "biu":
        ends = np.iinfo(target)
        return bool(np.min(array) >= ends.min and np.max(array) <= ends.max)
    return order.index(array.dtype.kind) <= order.index(target.kind)


# -- errors -----------------------------------------------------------------------------------
def _error(
    f: FunctionMethods,
    node: Node | None,
    code: int,
    axis: int,
    found: int,
    expected: int,
    arrays: tuple[Any, ...],
) -> CgradError:
    """The exception for a status: found, expected, where, how to fix it."""
    what = node.op.name if node is not None else "the function"
    inputs = f._plan.program.inputs
    shapes = [
        f"  {_label(given, k)}: {given.dtype} {np.shape(array)}"
        for k, (given, array) in enumerate(zip(inputs, arrays, strict=False))
        if k < f._plan.n_inputs
    ]
    where = describe(node.site) if node is not None else ""
    if node is not None and node in inputs:
        head = f"argument {_label(node, inputs.index(node))}"
        fix = "pass an array of the declared shape, or declare the axis as None"
        what = head
    if code == CG_SHAPE:
        whose = _whose_axis(node, axis, found, dict(zip(inputs, arrays, strict=False)))
        text = f"{what}: axis {axis}{whose} has size {found}, expected {expected}"
        operands = _operands(node)
        if axis < 0:
            text = f"{what}: the new shape has {found} elements, the tensor {expected}"
            fix = "make the sizes multiply to the same number; one of them may be -1"
        elif node is None or node not in inputs:
            fix = (
                "make the sizes equal; an axis stretches only where its length is declared as 1, "
                'for example tensor("b", shape=(1, None))'
                if isinstance(getattr(node, "op", None), Elementwise)
                else "make the sizes equal; nothing is stretched here"
            )
        return ShapeError(_message(f.name, text, operands, shapes, where, fix))
    if code == CG_INDEX:
        # the kernel counts negative positions from the end
        found -= expected if found < 0 else 0
        text = f"index {found} is out of bounds for axis {axis} with size {expected}"
        fix = (
            f"use an index from {-expected} to {expected - 1}"
            if expected
            else "pass at least one element; an empty axis has no positions"
        )
        return IndexBoundsError(_message(f.name, text, _operands(node), shapes, where, fix))
    if code == CG_EMPTY:
        text = f"{what} over axis {axis}, which is empty, has no value"
        fix = "pass an array with at least one element along that axis"
        return ShapeError(_message(f.name, text, _operands(node), shapes, where, fix))
    return CgradError(_message(f.name, f"{what} failed with status {code}", [], shapes, where, ""))


def _whose_axis(node: Node | None, axis: int, found: int, given: dict[Node, Any]) -> str:
    """Which operand the axis belongs to, where only one can be meant."""
    if node is None or node in given:
        return ""
    meant = [
        arg.name
        for arg in node.args
        if arg in given and axis < arg.ndim and np.shape(given[arg])[axis] == found
    ]
    return f" of {meant[0]}" if len(node.args) > 1 and len(meant) == 1 and meant[0] else ""


def _operands(node: Node | None) -> list[str]:
    """The tensors the failing op was applied to, as declared."""
    if node is None:
        return []
    return [
        f"  operand {k + 1}: {arg.name or arg.op.name}, {arg.type!r}"
        for k, arg in enumerate(node.args[:4])
    ]


def _message(
    name: str, text: str, operands: list[str], shapes: list[str], where: str, fix: str
) -> str:
    lines = [f"{name}: {text}", *operands]
    if shapes:
        lines += ["  called with", *(f"  {row}" for row in shapes)]
    if where:
        lines.append(where)
    if fix:
        lines.append(f"  Fix: {fix}.")
    return "\n".join(lines)
