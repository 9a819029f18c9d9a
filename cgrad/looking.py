"""Looking into a compiled function: its graph, its C, how it came to be, where NaN comes from.

Responsible for: what users see of a function without calling it for its results.  Not responsible
for: calls (`compiled`), texts of graphs (`core.text`, `graph.ssa`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cgrad import results
from cgrad.core import graphs
from cgrad.core.dtypes import NUMPY
from cgrad.core.node import Node
from cgrad.core.text import dprint
from cgrad.graph.ssa import assignments
from cgrad.ops.constants import Shared, storage
from cgrad.ops.python_call import Callback
from cgrad.pages import fragment
from cgrad.parameters import Parameter, label
from cgrad.profile import Profile, profile
from cgrad.rewrites.report import report
from cgrad.trace import NanTrace, trace_nan

__all__ = ["FunctionGraph", "LookingMethods"]


class FunctionGraph:
    """The graph of a function after the rewrites; printed as a list of typed assignments."""

    __slots__ = ("inputs", "name", "outputs")

    def __init__(self, inputs: list[Node], outputs: list[Node], name: str) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.name = name

    def text(self, sites: bool = False) -> str:
        """The list, with `sites` also the file and line that made each node."""
        return assignments(self.outputs, self.inputs, self.name, sites)

    def toposort(self) -> list[Node]:
        """The nodes that are computed, each after those it needs."""
        return [node for node in graphs.toposort(self.outputs) if node.args]

    @property
    def apply_nodes(self) -> set[Node]:
        """The nodes of `toposort`."""
        return set(self.toposort())

    @property
    def variables(self) -> set[Node]:
        """All nodes, the inputs and constants too."""
        return {*self.inputs, *graphs.toposort(self.outputs)}

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return dprint(self.outputs, file="str") or ""


class LookingMethods:
    """The methods of a compiled function that say what it is."""

    maker: Any
    name: str
    _plan: Any
    _kernel: Any
    _measure: Any
    _convert: Any

    @property
    def c_source(self) -> str:
        """The C file the function runs."""
        source: str = self._kernel.source
        return source

    def explain(self, *args: Any, **kwargs: Any) -> str:
        """How the function came to be: graph, kernel, cache, memory, and for derivatives structure.

        A line for each Jacobian has the mode in which its elements are computed, with the elements
        that were counted, and one for each rule that has found a product, a sum or a loop over rows
        of one what it was replaced by.

        With the arguments of a call also the bytes of its inputs (shared variables and constants
        included), of its outputs and of its workspace: together what a call has at its peak. They
        are checked and measured; nothing is computed.
        """
        program, kernel = self._plan.program, self._kernel
        meta = kernel.meta
        before, after = len(program.nodes), len(graphs.toposort(self.maker.fgraph.outputs))
        how = {
            "built": f"{kernel.path} (compiled in {kernel.build_seconds:.3f} s)",
            "disk": f"{kernel.path} (found in the cache)",
            "interpreted": "none: computed op by op with NumPy, no C compiler was used",
        }[kernel.origin]
        kind = "compiled" if kernel.key else "interpreted"
        lines = [
            f"<{kind} {self._signature()}>",
            f"  graph     {before} nodes as written, {after} after the rewrites",
        ]
        if kernel.key:
            lines += [
                f"  kernel    {_count(meta['nests'], 'loop nest')}, "
                f"{_count(meta['slots'], 'workspace slot')}",
                f"  sizes     {', '.join(meta['sizes']) or 'none'}",
                f"  memory    {_formula(meta)}",
                f"  library   {how}",
                f"  key       {kernel.key}",
            ]
        else:
            lines.append(f"  library   {how}")
        found = report(program.outputs[: self._plan.n_returned])
        lines += [f"  {what:<9} {words}" for what, words in found]
        called = [n.op.label for n in program.nodes if isinstance(n.op, Callback)]
        if called:
            lines.insert(2, f"  Python    calls {', '.join(called)} in the middle of the kernel")
        if program.math is not None:
            lines.insert(2, f'  functions math="{program.math}"')
        if args or kwargs:
            lines.append(f"  this call {self._memory(args, kwargs)}")
        return "\n".join(lines)

    def _memory(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        program = self._plan.program
        arrays = self._convert(args, kwargs)[: self._plan.n_inputs]
        workspace, shapes = self._measure(arrays)
        outputs = sum(
            math.prod(shape) * NUMPY[node.dtype].itemsize
            for shape, node in zip(shapes, program.outputs, strict=True)
        )
        hidden = [storage(node)[0] for node in program.hidden]
        return results.memory([*arrays, *hidden], outputs, workspace)

    def profile(self, *args: Any, calls: int = 20, **kwargs: Any) -> Profile:
        """How long each loop nest takes in a call with these arguments, and its bytes.

            print(f.profile(x))

        The function is compiled once more, with a clock that is read between its nests; the result
        has for each nest its operations, your lines, the median time over `calls` calls after a
        first one, and the bytes of the arrays it goes through. It prints as a table; `json()` is
        the same for programs, `svg()` a drawing. Shared variables are not updated. A nest that does
        nothing shows the 30 ns or so that the clock takes.

        Errors: those of a call; `ValueError` for `calls` below 1; `NotImplementedError` where
        NumPy computes for want of a compiler.
        """
        return profile(self, args, kwargs, calls)

    def trace_nan(self, *args: Any, **kwargs: Any) -> NanTrace:
        """Where the first NaN and the first infinity of a call come from.

            print(f.trace_nan(x))

        Takes the arguments of a call. The rewritten graph is evaluated op by op with NumPy (what
        NumPy does not have, by a kernel of its own), loops step by step, so it is slow; shared
        variables are not updated. The result is false where every number is finite. Else `nan` and
        `inf` (each may be None) have the node, its operands, the element, the step of a loop and
        your line; an infinity is reported too where it is meant, as in a mask of -inf.

        Errors: those of a call; `NotImplementedError` where NumPy does not have a function (as
        Bessel's) and there is no compiler.
        """
        return trace_nan(self, args, kwargs)

    @property
    def graph(self) -> FunctionGraph:
        """The graph after the rewrites; `print(f.graph)` shows it as typed assignments."""
        graph: FunctionGraph = self.maker.fgraph
        return graph

    def dprint(self, **options: Any) -> str | None:
        """`cgrad.dprint` of the rewritten graph."""
        return dprint(self, **options)

    def get_shared(self) -> list[Node]:
        """The shared variables the function reads or updates."""
        plan = self._plan
        read = [node for node in plan.program.hidden if isinstance(node.op, Shared)]
        return list(dict.fromkeys([*read, *plan.targets]))

    def _own(self) -> Sequence[Parameter]:
        """The parameters that the user knows of."""
        plan = self._plan
        extra = 0 if plan.conversion is None else plan.conversion.extra()
        own: Sequence[Parameter] = plan.parameters[: len(plan.parameters) - extra]
        return own

    def _signature(self) -> str:
        plan = self._plan
        program = plan.program
        inputs = ", ".join(
            f"{label(parameter, k)}: {node.type!r}"
            for k, (parameter, node) in enumerate(zip(self._own(), program.inputs, strict=False))
        )
        outputs = ", ".join(repr(n.type) for n in program.outputs[: plan.n_returned])
        return f"{self.name}({inputs}) -> {outputs or 'nothing'}"

    def __repr__(self) -> str:
        if not self._kernel.key:
            return f"<interpreted {self._signature()}; no C compiler was used>"
        loops = _count(self._kernel.meta["nests"], "loop nest")
        return f"<compiled {self._signature()}; {loops}, key {self._kernel.key[:12]}>"

    def _repr_html_(self) -> str:
        return fragment(self)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _formula(meta: dict[str, Any]) -> str:
    if not meta["slots"]:
        return "no workspace"
    padded = ", each slot padded to 64 bytes" if meta["sizes"] else ""
    return f"workspace of {meta['workspace']} bytes{padded}"
