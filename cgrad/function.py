"""`cgrad.function`: from symbols to a compiled function.

Responsible for: checking what the user asks for.  Not responsible for: compiling (`pipeline`)
or calling (`compiled`).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from cgrad import sparse_results
from cgrad.compiled import Plan, compile_plan
from cgrad.core import graphs
from cgrad.core.node import Input, Node
from cgrad.core.registry import register
from cgrad.errors import DTypeError
from cgrad.graph.replace import Pairs, as_pairs, like, replacements
from cgrad.ops.constants import Constant, Data, Shared
from cgrad.parameters import In, Out, Parameter, as_array
from cgrad.pipeline import Program
from cgrad.sparse.matrix import SparseMatrix


def function(
    inputs: Sequence[Node | In],
    outputs: Any = None,
    updates: Pairs = None,
    givens: Pairs = None,
    *,
    no_default_updates: bool | Sequence[Node] = False,
    on_unused_input: str = "warn",
    name: str | None = None,
    allow_input_downcast: bool | None = None,
    math: str | None = None,
    mode: None = None,
    profile: None = None,
    trust_input: bool = False,
) -> Any:
    """Compile a function of symbols to C.

    inputs           the arguments, in order, each a symbol or an `In`; intermediate nodes are
                     allowed and cut the graph
    outputs          one node (the call returns an array), a list (a list), a dict from names (a
                     dict) or None (an empty list); each a symbol or an `Out`.  For a sparse matrix
                     the call returns a `scipy.sparse.csr_array`
    updates          pairs (shared variable, new value), or a dict: after each call the shared
                     variable holds the new value; all new values are computed from the old ones
    givens           pairs (node, replacement), or a dict: in outputs and updates, each node is
                     replaced by something of the same dtype and rank, all at once
    no_default_updates  True: shared variables change by `updates` only; False: those with a
                     `default_update` (the generators of a RandomStream) by that too, unless
                     `updates` has them; a list: all but these
    on_unused_input  "warn" (default), "raise" or "ignore"
    name             used in messages and in the C text
    allow_input_downcast  True: convert arguments of any dtype; False: only where nothing is
                     lost; None: also Python floats to float32.  An `In` may say otherwise
    math             which elementary functions. None: cgrad's own, inline and vectorised, with the
                     same bits for the same input at every position and length; "exact": those of
                     the C library, one element at a time; "fast": those of glibc for vectors
                     (libmvec) where they are faster than cgrad's own, with errors up to 4 ULP and
                     bits that differ between the body and the end of a loop.  Where there is no
                     libmvec (clang, macOS, other CPUs), the C library's
    mode, profile    there is one way to compile; anything but None is a `NotImplementedError`
    trust_input      accepted for PyTensor's sake: arguments are checked all the same

    Returns a function that takes arrays or numbers, by position or by the names of the inputs.
    Results are fresh arrays, or those given as `out` in a call; 0-d results are 0-d arrays.
    """
    for option, value, instead in (
        (
            "mode",
            mode,
            "math= chooses elementary functions, CGRAD_DEBUG=1 to 5 tells what is built",
        ),
        ("profile", profile, "f.profile(...) of the function tells the time of each loop"),
    ):
        if value is not None:
            raise NotImplementedError(
                f"function: {option}={value!r} is not built; leave it out ({instead})"
            )
    if math not in (None, "exact", "fast"):
        raise ValueError(f'function: math is {math!r}, expected None, "exact" or "fast"')
    taken = _inputs(inputs)
    arguments = [given.variable for given in taken]
    wanted, returns = _outputs(outputs)
    replaced = replacements(givens, "givens")
    returned, more, conversion = sparse_results.expanded(wanted, returns, arguments, replaced)
    pairs = _updates(updates)
    stateful = [
        (k, like(given.update, given.variable, f"the update of {given.variable!r}"))
        for k, given in enumerate(taken)
        if given.update is not None
    ]
    read = [*returned, *(new for _, new in pairs), *(new for _, new in stateful)]
    pairs += _default_updates(read, pairs, replaced, no_default_updates)
    everything = [*returned, *(new for _, new in pairs), *(new for _, new in stateful)]
    if replaced:
        everything = graphs.substitute(everything, replaced)
    program = Program([*arguments, *more], everything, _name(name), math)
    _report_unused(program, len(arguments), on_unused_input)
    parameters = [_parameter(given, allow_input_downcast, program.name) for given in taken]
    parameters += [Parameter(f"_{k}") for k in range(len(more))]
    cells: list[list[Any]] = [target.op.storage for target, _ in pairs]  # type: ignore[attr-defined]
    for k, _ in stateful:
        default = parameters[k].default
        assert default is not None
        if any(cell is default for cell in cells):
            raise ValueError(f"{arguments[k]!r}: its value is updated twice")
        cells.append(default)
    places = [(len(returned) + k, cell) for k, cell in enumerate(cells)]
    targets = [target for target, _ in pairs]
    targets += [taken[k].value for k, _ in stateful if isinstance(taken[k].value, Node)]
    if conversion is not None:
        returns = "list"
    plan = Plan(program, returns, len(returned), places, parameters, targets, conversion)
    return compile_plan(plan)


def _name(name: str | None) -> str:
    if name is None:
        return "f"
    return re.sub(r"\W", "_", name, flags=re.ASCII) or "f"


def _inputs(inputs: Any) -> list[In]:
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            f"inputs must be a list of symbols, found {type(inputs).__name__}; "
            "write function([x], y)"
        )
    taken = [given if isinstance(given, In) else In(given) for given in inputs]
    for k, given in enumerate(taken):
        node = given.variable
        if not isinstance(node, Node):
            raise TypeError(f"input {k + 1} is {type(node).__name__}, expected a symbol")
        if isinstance(node.op, Shared):
            raise TypeError(
                f"{node!r} is a shared variable: it is an input of every function that uses it, "
                "and is not passed. Leave it out of the inputs; change it with set_value"
            )
        if isinstance(node.op, (Constant, Data)):
            raise TypeError(f"input {k + 1} is the constant {node!r}; a constant is not passed")
    nodes = [given.variable for given in taken]
    if len(set(nodes)) != len(nodes):
        twice = next(node for node in nodes if nodes.count(node) > 1)
        raise ValueError(f"{twice!r} is among the inputs twice")
    return taken


def _parameter(given: In, downcast: bool | None, function_name: str) -> Parameter:
    """How the argument for an input is taken."""
    node = given.variable
    name = given.name or node.name
    downcast = downcast if given.allow_downcast is None else given.allow_downcast
    default, own = None, True
    what = f"{function_name}: the value of input {name or repr(node)}"
    if isinstance(given.value, Node):
        if (given.value.dtype, given.value.ndim) != (node.dtype, node.ndim):
            raise DTypeError(f"{what} is {given.value!r}, expected {node.type!r}")
        default, own = given.value.op.storage, False  # type: ignore[attr-defined]
    elif given.value is not None:
        default = [as_array(given.value, node, what, downcast, strict=False).copy()]
    return Parameter(name, default, own, downcast, given.strict)


def _outputs(outputs: Any) -> tuple[list[Node | SparseMatrix], str | tuple[str, ...]]:
    if outputs is None:
        return [], "list"
    if isinstance(outputs, dict):
        for key in outputs:
            if not isinstance(key, str):
                raise TypeError(f"the names of a dict of outputs are strings; found {key!r}")
        return [_require_node(out) for out in outputs.values()], tuple(outputs)
    if isinstance(outputs, (list, tuple)):
        return [_require_node(out) for out in outputs], "list"
    return [_require_node(outputs)], "single"


def _require_node(out: Any) -> Node | SparseMatrix:
    if isinstance(out, Out):
        out = out.variable
    if not isinstance(out, (Node, SparseMatrix)):
        raise TypeError(
            f"an output is {type(out).__name__}, expected a symbol; "
            "make a constant with cgrad.tensor.constant"
        )
    return out


def _default_updates(
    read: Sequence[Node],
    pairs: Sequence[tuple[Node, Node]],
    replaced: Mapping[Node, Node],
    without: bool | Sequence[Node],
) -> list[tuple[Node, Node]]:
    """The default updates of the shared variables that are read, by these updates too."""
    if without is True:
        return []
    if without is not False and not isinstance(without, (list, tuple)):
        raise TypeError(
            f"no_default_updates is {without!r:.80}, expected True, False or a list of shared "
            "variables"
        )
    settled = {target for target, _ in pairs} | set(without or ())
    found: list[tuple[Node, Node]] = []
    pending = list(read)
    while pending:
        kept = graphs.substitute(pending, replaced) if replaced else pending
        pending = []
        for node in graphs.toposort(kept):
            default = getattr(node, "default_update", None)
            if default is not None and node not in settled:
                settled.add(node)
                found.append((node, like(default, node, f"the default update of {node!r}")))
                pending.append(found[-1][1])
    return found


def _updates(updates: Pairs) -> list[tuple[Node, Node]]:
    result: list[tuple[Node, Node]] = []
    for target, value in as_pairs(updates, "updates"):
        if not isinstance(target, Node) or not isinstance(target.op, Shared):
            raise TypeError(f"an update changes {target!r}, expected a cgrad.shared variable")
        if any(target is earlier for earlier, _ in result):
            raise ValueError(f"{target!r} is updated twice")
        node = like(value, target, f"the update of {target!r}")
        result.append((target, node))
    return result


def _report_unused(program: Program, given: int, how: str) -> None:
    if how not in ("warn", "raise", "ignore"):
        raise ValueError(f'on_unused_input is {how!r}, expected "warn", "raise" or "ignore"')
    if how == "ignore":
        return
    unused = [
        node.name or f"number {k + 1}"
        for k, (node, used) in enumerate(zip(program.inputs[:given], program.used(), strict=False))
        if not used
    ]
    if unused:
        text = (
            f"{program.name}: no output depends on input {', '.join(unused)}; "
            'leave it out, or pass on_unused_input="ignore"'
        )
        if how == "raise":
            raise ValueError(text)
        warnings.warn(text, UserWarning, stacklevel=3)


def _compile(inputs: Sequence[Node], outputs: Any) -> Any:
    """A function without remarks, for `verify_grad`."""
    return function(inputs, outputs, on_unused_input="ignore")


def _eval(node: Node, values: Mapping[Node | str, Any] | None = None) -> Any:
    """The value of a node; the compiled function stays with the node."""
    values = {} if values is None else values
    if not isinstance(values, Mapping):
        raise TypeError(f"eval takes a dict from symbols or names to values; found {values!r:.80}")
    kept: dict[tuple[Node | str, ...], Any] | None = getattr(node, "_compiled", None)
    if kept is None:
        kept = node._compiled = {}
    f = kept.get(tuple(values))
    if f is None:
        free = [n for n in graphs.toposort([node]) if isinstance(n.op, Input)]
        inputs = [_called(key, free) if isinstance(key, str) else key for key in values]
        f = kept[tuple(values)] = _compile(inputs, node)
    return f(*values.values())


def _called(name: str, free: Sequence[Node]) -> Node:
    """The one free variable of a name."""
    found = [node for node in free if node.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"eval: several free variables are called {name!r}; use them as keys")
    names = ", ".join(node.name or "one without a name" for node in free) or "none"
    raise ValueError(f"eval: no free variable is called {name!r}; there is: {names}")


register("compile", _compile)
register("eval", _eval)
