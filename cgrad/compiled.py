"""Compiled functions: what they are made of, converting arguments, binding them, copies.

A `CompiledFunction` is a subclass of the compiled dispatcher type (`cgrad.cache.dispatcher`),
which serves the ordinary call without entering Python; what does not fit comes to `_convert`.

Responsible for: calls and what leads to them.  Not responsible for: the passes (`pipeline`),
looking into a function (`looking`), other C code (`native`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cgrad import config, results
from cgrad.attach import attach
from cgrad.cache.dispatcher import start_dispatcher
from cgrad.cache.load import Kernel
from cgrad.cache.openblas import provide
from cgrad.core import flat, graphs
from cgrad.core.dtypes import NUMPY
from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node
from cgrad.errors import CallError, NoCompilerError
from cgrad.failures import failure
from cgrad.interpret import Interpreted, Interpreter, is_wanted, stands_in
from cgrad.looking import FunctionGraph, LookingMethods
from cgrad.native import NativeMethods
from cgrad.ops.constants import Shared
from cgrad.parameters import Parameter, as_array, bind, label
from cgrad.pipeline import Program, load, simplified
from cgrad.sparse.sparsity import Sparsity
from cgrad.sparse_results import Conversion


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
            program = self.program
            self._fgraph = FunctionGraph(program.inputs, simplified(program), program.name)
        return self._fgraph


class Plan:
    """What a function is to be: its program and how arguments and results are arranged.

    returns     "single", "list", or the names of a dict
    updates     pairs of the place of an output and the storage it is written to
    parameters  how each argument is taken
    targets     the shared variables that updates change
    conversion  what is made of results where some are sparse matrices, else None
    """

    __slots__ = (
        "conversion", "n_inputs", "n_returned", "parameters", "program", "returns", "targets",
        "updates",
    )  # fmt: skip

    def __init__(
        self,
        program: Program,
        returns: str | tuple[str, ...],
        n_returned: int,
        updates: Sequence[tuple[int, list[Any]]],
        parameters: Sequence[Parameter],
        targets: Sequence[Node] = (),
        conversion: Conversion | None = None,
    ) -> None:
        self.program = program
        self.conversion = conversion
        self.n_inputs = len(program.inputs) - len(program.hidden)
        self.returns = returns
        self.n_returned = n_returned
        self.updates = list(updates)
        self.parameters = list(parameters)
        self.targets = list(targets)

    def __reduce__(self) -> tuple[Any, ...]:
        program = self.program
        inputs = program.inputs[: self.n_inputs]
        rows = flat.rows([*inputs, *program.outputs, *self.targets])
        place = {row.node: k for k, row in enumerate(rows)}
        groups = [[place[n] for n in group] for group in (inputs, program.outputs, self.targets)]
        options = (
            (program.name, program.math), self.returns, self.n_returned, self.updates,
            self.parameters, self.conversion,
        )  # fmt: skip
        return _restore_plan, (rows, *groups, options)

    def copy(
        self, swap: Mapping[Node, Node], delete_updates: bool, name: str | None = None
    ) -> Plan:
        """The same with other shared variables, defaults of its own, and maybe no updates."""
        program = self.program
        last = self.n_returned if delete_updates else len(program.outputs)
        outputs = graphs.substitute(program.outputs[:last], swap)
        parameters = [parameter.copy() for parameter in self.parameters]
        moved = {id(old.op.storage): new.op.storage for old, new in swap.items()}  # type: ignore[attr-defined]
        for old, new in zip(self.parameters, parameters, strict=True):
            if new.default is not None and new.own:
                moved[id(old.default)] = new.default
            elif new.default is not None:
                new.default = moved.get(id(new.default), new.default)
        updates = [(k, moved.get(id(cell), cell)) for k, cell in self.updates if k < last]
        targets = [] if delete_updates else [swap.get(node, node) for node in self.targets]
        made = Program(program.inputs[: self.n_inputs], outputs, name or program.name, program.math)
        return Plan(
            made, self.returns, self.n_returned, updates, parameters, targets, self.conversion
        )


def _restore_plan(
    nodes: tuple[Any, ...],
    inputs: list[int],
    outputs: list[int],
    targets: list[int],
    options: tuple[Any, ...],
) -> Plan:
    # rows have become nodes, unless they were not copied at all (copy.copy)
    found = [node.node if isinstance(node, flat.Row) else node for node in nodes]
    named, returns, n_returned, updates, parameters, conversion = options
    program = Program([found[k] for k in inputs], [found[k] for k in outputs], *named)
    changed = [found[k] for k in targets]
    return Plan(program, returns, n_returned, updates, parameters, changed, conversion)


class FunctionMethods(LookingMethods, NativeMethods):
    """A function compiled to C.

    Call it with arrays, in order or by the names of its inputs. Results are fresh arrays, or those
    given as `out`: an array where there is one result, else a list, or a dict where results have
    names; None stands for one to be allocated. They have the dtype, the shape and C order, and are
    returned. A result may have memory in common with an argument, not with another result. After
    an error their contents are undefined.
    """

    maker: Maker
    name: str
    _plan: Plan
    _kernel: Kernel
    _measure: Any
    _fix: Any

    # -- arguments ----------------------------------------------------------------------------
    def _convert(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Arrays of the dtypes, ranks and layout the kernel takes; arguments are not changed.

        With `out` the arrays for the results follow, None for those to be allocated.
        """
        plan = self._plan
        kwargs, out = results.split(plan.parameters, kwargs)
        memory = () if out is None else self._given(out)
        given = bind(self.name, plan.parameters, args, kwargs)
        arrays: list[Any] = []
        for k, parameter in enumerate(plan.parameters):
            if k in given:
                what = f"{self.name}: argument {label(parameter, k)}"
                node = plan.program.inputs[k]
                arrays.append(as_array(given[k], node, what, parameter.downcast, parameter.strict))
            else:
                assert parameter.default is not None
                arrays.append(parameter.default[0])
        return (*arrays, *memory)

    def _given(self, out: Any) -> tuple[Any, ...]:
        """The arrays for the results, or None."""
        plan = self._plan
        returned = plan.program.outputs[: plan.n_returned]
        return results.given(self.name, out, returned, plan.returns)

    def bind(self, *args: Any, **kwargs: Any) -> Any:
        """A call that is repeated with the same arrays, as an object without arguments.

            step = f.bind(x, out=y)
            x[...] = values
            step()              # computes f(x), writes it to y and returns y

        Arguments are those of a call, and as lasting: an array must have the dtype, the rank and
        C order, because a copy would not follow what is written to it later; a number keeps its
        value. An input that is left out has its default, read at each call. `out` is an array, or
        a list (or dict) of arrays, for the results; what is missing is allocated once, here. Every
        call returns these same arrays. Shared variables are read and updated at each call.

        The object holds references to its arrays, so `ndarray.resize` refuses to move their memory.
        Sizes, integer arguments included, are read at each call: the workspace grows when it must,
        and a result of another shape than its array is a ShapeError. One object serves one call at
        a time: a second one from another thread is a BoundCallError. A result may be an argument:
        it is then computed apart and copied.

        Attributes: `function`, `arguments`, `outputs`. Raises CallError and ShapeError here for
        what a call would refuse.
        """
        plan = self._plan
        kwargs, out = results.split(plan.parameters, kwargs)
        if plan.conversion is not None:
            plan.conversion.refuse_memory(f"{self.name}.bind", out)
        memory = self._given(out)
        names = results.names(plan.returns, plan.n_returned)
        counted = [k for k in self._kernel.meta["counted"] if k < plan.n_returned]
        if counted:
            raise CallError(
                f"{self.name}.bind: the length of result {names[counted[0]]} depends on what is "
                "computed, so that no array fits each call. Fix: call the function itself"
            )
        values: list[Any] = []
        found = bind(f"{self.name}.bind", plan.parameters, args, kwargs)
        for k, parameter in enumerate(plan.parameters):
            what = f"{self.name}.bind: argument {label(parameter, k)}"
            node = plan.program.inputs[k]
            values.append(
                results.lasting(found[k], node, what, parameter)
                if k in found
                else parameter.default
            )
        _, shapes = self._measure(tuple(values))
        made: list[Any] = []
        for k, (array, shape) in enumerate(zip(memory, shapes, strict=False)):
            if array is None:
                array = np.empty(shape, NUMPY[plan.program.outputs[k].dtype])
            elif array.shape != shape:
                self._refuse("shape", k, array, shape)
            elif any(np.may_share_memory(array, other) for other in made):
                self._refuse("overlap", k, array, shape)
            made.append(array)
        bound = self._fix(tuple(values), tuple(made))
        return bound if plan.conversion is None else plan.conversion.bound(self, bound)

    def _refuse(self, reason: str, place: int, array: Any, expected: tuple[int, ...]) -> None:
        plan = self._plan
        outputs = results.names(plan.returns, plan.n_returned)
        labels = results.argument_labels(plan.parameters)
        results.refusal(self.name, outputs, labels, reason, place, array, expected)

    def _fail(
        self, code: int, tag: int, axis: int, found: int, expected: int, arrays: tuple[Any, ...]
    ) -> None:
        nodes = self._plan.program.nodes
        node = nodes[tag] if 0 <= tag < len(nodes) else None
        raise failure(self, node, code, axis, found, expected, arrays)

    # -- copies -------------------------------------------------------------------------------
    def copy(
        self,
        share_memory: bool = False,
        swap: Mapping[Node, Node] | None = None,
        delete_updates: bool = False,
        name: str | None = None,
        profile: None = None,
    ) -> Any:
        """The same function again, with default values of its own.

        swap            {shared variable: the one to read and update instead}
        delete_updates  leave out the updates
        name            of the copy
        share_memory, profile  accepted for PyTensor's sake: a call never keeps memory for the next
        """
        swap = dict(swap or {})
        mine = set(self.get_shared())
        for old, new in swap.items():
            if old not in mine:
                raise ValueError(f"copy: {self.name} does not use {old!r}")
            if not isinstance(getattr(new, "op", None), Shared):
                raise TypeError(f"copy: {old!r} can be swapped for a shared variable, not {new!r}")
            if (new.dtype, new.ndim) != (old.dtype, old.ndim):
                raise TypeError(f"copy: {new!r} is of another dtype or rank than {old!r}")
        return compile_plan(self._plan.copy(swap, delete_updates, name))

    def __copy__(self) -> Any:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return compile_plan, (self._plan,)


class StrictCalls:
    """Added where a 0-d input is strict: the dispatcher alone takes Python numbers for it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self._convert(args, kwargs)  # type: ignore[attr-defined]
        n = self._plan.n_inputs  # type: ignore[attr-defined]
        memory = {"out": given[n:]} if given[n:] else {}
        return super().__call__(*given[:n], **memory)  # type: ignore[misc]


class SparseFunction(FunctionMethods):
    """A function of which some results are sparse matrices, around the one of their elements."""

    def __init__(self, inner: Any, conversion: Conversion) -> None:
        self.name, self.maker, self._plan, self._kernel = (
            inner.name, inner.maker, inner._plan, inner._kernel
        )  # fmt: skip
        self._inner = inner
        self._conversion = conversion
        self._measure, self._fix = inner._measure, inner._fix

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        conversion = self._conversion
        if kwargs:
            conversion.refuse_memory(self.name, results.split(self._plan.parameters, kwargs)[1])
        if not conversion.coloured:
            return conversion.converted(self._inner(*args, **kwargs))
        arrays = self._arrays(args, kwargs)
        before = self._before(arrays)
        given = [array for layout in before for array in layout.arguments]
        return conversion.converted(self._inner(*arrays, *given), before)

    def _convert(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        if not self._conversion.coloured:
            return super()._convert(args, kwargs)
        arrays = self._arrays(args, kwargs)
        return (*arrays, *(a for layout in self._before(arrays) for a in layout.arguments))

    def _arrays(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """The user's arguments as the kernel takes them."""
        own = self._own()
        given = bind(self.name, own, args, kwargs)
        arrays: list[Any] = []
        for k, parameter in enumerate(own):
            if k not in given:
                assert parameter.default is not None
                arrays.append(parameter.default[0])
                continue
            what = f"{self.name}: argument {label(parameter, k)}"
            node = self._plan.program.inputs[k]
            arrays.append(as_array(given[k], node, what, parameter.downcast, parameter.strict))
        return arrays

    def _before(self, arrays: Sequence[Any]) -> list[Any]:
        """The layouts of coloured results; what is wrong with the arguments, as the kernel says."""
        try:
            return self._conversion.before(arrays)
        except (IndexError, ValueError):
            # without any pass the kernel does nothing but its checks
            self._inner(*arrays, *self._conversion.idle(arrays))
            raise

    def sparsity(self, *args: Any, **kwargs: Any) -> Any:
        """The places of the elements of each sparse result for the arguments of a call.

        They are found, and coloured, as by the first call with these sizes, without computing
        anything.  Returns a `Sparsity` for each sparse result, and None for each dense one, as the
        call returns its results: one, a list or a dict.
        """
        conversion, program = self._conversion, self._plan.program
        arrays = self._arrays(args, kwargs)
        before = self._before(arrays)
        given = dict(zip(program.inputs, arrays, strict=False))
        behind = program.outputs[conversion.count : self._plan.n_returned]
        found = [None] * conversion.count + evaluate(behind, given)
        layouts = conversion.layouts(found, before)
        return conversion.arranged(
            [Sparsity(layouts[k]) if k in layouts else None for k in range(conversion.count)]
        )

    def bind(self, *args: Any, **kwargs: Any) -> Any:
        if not self._conversion.coloured:
            return super().bind(*args, **kwargs)
        arrays = self._arrays(args, {k: v for k, v in kwargs.items() if k != "out"})
        before = self._before(arrays)
        given = [array for layout in before for array in layout.arguments]
        extra = self._plan.parameters[len(self._own()) :]
        names = [label(parameter, k) for k, parameter in enumerate(extra)]
        bound = super().bind(*args, **kwargs, **dict(zip(names, given, strict=True)))
        bound.before = before
        return bound

    bind.__doc__ = FunctionMethods.bind.__doc__


_classes: dict[Any, tuple[Any, Any]] = {}


def _class_of(base: Any, strict: bool) -> Any:
    """The class of functions that a dispatcher calls."""
    if base not in _classes:
        doc = {"__doc__": FunctionMethods.__doc__}
        plain = type("CompiledFunction", (FunctionMethods, base), doc)
        _classes[base] = plain, type("CompiledFunction", (StrictCalls, plain), doc)
    return _classes[base][strict]


def _obtain(program: Program) -> tuple[Any, Any]:
    """A kernel and the dispatcher that calls it, or what there is without a compiler."""
    if not is_wanted():
        try:
            with start_dispatcher() as pending:
                # published as soon as it is compiled: other processes wait for it
                kernel = load(program, pending.result)
                base = pending.result()
        except NoCompilerError as error:
            stands_in(error)
        else:
            base._set_num_threads(config.num_threads.get())
            provide(base, kernel.routines)
            return kernel, base
    return Interpreted(program), Interpreter


def compile_plan(plan: Plan) -> Any:
    """The function of a plan; compiles what is not in the cache, kernel and dispatcher at once."""
    start = time.perf_counter()
    kernel, base = _obtain(plan.program)
    program = plan.program
    strict = any(
        parameter.strict and not node.ndim
        for parameter, node in zip(plan.parameters, program.inputs, strict=False)
    )
    f = _class_of(base, strict)()
    f.name, f.maker, f._plan, f._kernel = program.name, Maker(program), plan, kernel
    attach(
        f, kernel, program, returns=plan.returns, n_returned=plan.n_returned,
        updates=plan.updates,
        out_keyword=all(parameter.name != "out" for parameter in plan.parameters),
    )  # fmt: skip
    if config.debug.get() >= 1:
        _report(f, time.perf_counter() - start)
    return f if plan.conversion is None else SparseFunction(f, plan.conversion)


def _report(f: Any, seconds: float) -> None:
    """The line of CGRAD_DEBUG=1."""
    kernel = f._kernel
    how = "found" if kernel.origin == "disk" else kernel.origin
    print(
        f"cgrad {f.name}: {len(f._plan.program.nodes)} nodes, {how} {kernel.key[:12]} "
        f"in {seconds:.3f} s",
        file=sys.stderr,
    )
