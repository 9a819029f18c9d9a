"""`cgrad.function`: from symbols to a compiled function.

Responsible for: checking what the user asks for.  Not responsible for: compiling (`pipeline`)
or calling (`compiled`).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cgrad.compiled import Plan, compile_plan
from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.errors import DTypeError, RankError
from cgrad.ops.coerce import as_node, cast_to
from cgrad.ops.constants import Constant, Data, Shared, is_weak
from cgrad.pipeline import Program

Updates = Mapping[Node, Any] | Iterable[tuple[Node, Any]] | None


def function(
    inputs: Sequence[Node],
    outputs: Any = None,
    updates: Updates = None,
    *,
    on_unused_input: str = "warn",
    name: str | None = None,
) -> Any:
    """Compile a function of symbols to C.

    inputs           the arguments, in order; intermediate nodes are allowed and cut the graph
    outputs          one node (the call returns an array), a list (a list), or None (an empty list)
    updates          pairs (shared variable, new value), or a dict: after each call the shared
                     variable holds the new value; all new values are computed from the old ones
    on_unused_input  "warn" (default), "raise" or "ignore"
    name             used in messages and in the C text

    Returns a function that takes arrays or numbers, by position or by the names of the inputs.
    Results are fresh arrays; 0-d results are 0-d arrays.
    """
    arguments = _inputs(inputs)
    returned, returns = _outputs(outputs)
    pairs = _updates(updates)
    program = Program(arguments, [*returned, *(new for _, new in pairs)], _name(name))
    _report_unused(program, on_unused_input)
    first = len(returned)
    cells = [(first + k, target.op.storage) for k, (target, _) in enumerate(pairs)]  # type: ignore[attr-defined]
    return compile_plan(Plan(program, returns, first, cells))


def _name(name: str | None) -> str:
    if name is None:
        return "f"
    return re.sub(r"\W", "_", name, flags=re.ASCII) or "f"


def _inputs(inputs: Any) -> list[Node]:
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            f"inputs must be a list of symbols, found {type(inputs).__name__}; "
            "write function([x], y)"
        )
    for k, node in enumerate(inputs):
        if not isinstance(node, Node):
            raise TypeError(f"input {k + 1} is {type(node).__name__}, expected a symbol")
        if isinstance(node.op, Shared):
            raise TypeError(
                f"{node!r} is a shared variable: it is an input of every function that uses it, "
                "and is not passed. Leave it out of the inputs; change it with set_value"
            )
        if isinstance(node.op, (Constant, Data)):
            raise TypeError(f"input {k + 1} is the constant {node!r}; a constant is not passed")
    if len(set(inputs)) != len(inputs):
        twice = next(node for node in inputs if list(inputs).count(node) > 1)
        raise ValueError(f"{twice!r} is among the inputs twice")
    return list(inputs)


def _outputs(outputs: Any) -> tuple[list[Node], str]:
    if outputs is None:
        return [], "list"
    if isinstance(outputs, dict):
        raise NotImplementedError("a dict of outputs is not built yet; pass a list")
    if isinstance(outputs, (list, tuple)):
        for out in outputs:
            _require_node(out)
        return list(outputs), "list"
    return [_require_node(outputs)], "single"


def _require_node(out: Any) -> Node:
    if not isinstance(out, Node):
        raise TypeError(
            f"an output is {type(out).__name__}, expected a symbol; "
            "make a constant with cgrad.tensor.constant"
        )
    return out


def _updates(updates: Updates) -> list[tuple[Node, Node]]:
    if updates is None:
        return []
    pairs = list(updates.items()) if isinstance(updates, Mapping) else list(updates)
    result: list[tuple[Node, Node]] = []
    for target, value in pairs:
        if not isinstance(target, Node) or not isinstance(target.op, Shared):
            raise TypeError(f"an update changes {target!r}, expected a cgrad.shared variable")
        if any(target is earlier for earlier, _ in result):
            raise ValueError(f"{target!r} is updated twice")
        node = as_node(value)
        if node.dtype != target.dtype:
            if not is_weak(node):
                raise DTypeError(
                    f"the update of {target!r} has dtype {node.dtype}, expected {target.dtype}; "
                    f"cast it with .astype({target.dtype!r})"
                )
            node = cast_to(node, target.dtype)
        if node.ndim != target.ndim:
            raise RankError(f"the update of {target!r} has {node.ndim} axes: {node.type!r}")
        result.append((target, node))
    return result


def _report_unused(program: Program, how: str) -> None:
    if how not in ("warn", "raise", "ignore"):
        raise ValueError(f'on_unused_input is {how!r}, expected "warn", "raise" or "ignore"')
    if how == "ignore":
        return
    unused = [
        node.name or f"number {k + 1}"
        for k, (node, used) in enumerate(zip(program.inputs, program.used(), strict=False))
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
    """A function without remarks, for `x.eval` and `verify_grad`."""
    return function(inputs, outputs, on_unused_input="ignore")


register("compile", _compile)
