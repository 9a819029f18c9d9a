"""Graphs as text: `pp` writes an expression, `dprint` a tree.

Both walk with an explicit stack and cut what grows too long, saying so.

Responsible for: what people read before compilation.  Not responsible for: the C text
(`cgrad.codegen.emit`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cgrad.core import sizes
from cgrad.core.node import Node
from cgrad.core.sizes import Atom, SizeLike

RANK = {0: "scalar", 1: "vector", 2: "matrix"}
LIMIT = 100_000
Piece = str | Node


# -- leaves -----------------------------------------------------------------------------------
def label(node: Node) -> str:
    """How a message calls a node: its name, or a short piece of its expression."""
    return node.name or pp(node, limit=60)


def _unnamed(node: Node) -> str:
    rank = RANK.get(node.ndim, f"{node.ndim}-d tensor")
    return f"<{node.dtype} {rank}>"


def _leaf(node: Node) -> str:
    if node.op.name == "constant" or node.op.name == "data":
        return node.name or _value(node)
    return node.name or _unnamed(node)


def _value(node: Node) -> str:
    op: Any = node.op
    value = np.asarray(op.value)
    if not value.ndim:
        text = str(value[()])
    else:
        text = " ".join(np.array2string(value, separator=", ", threshold=20).split())
    return f"TensorConstant{{{text}}}" if getattr(op, "weak", False) else text


def _atom(atom: Atom) -> str:
    if atom.kind == "dim":
        node, axis = atom.args
        return f"{node.name or _unnamed(node)}.shape[{axis}]"
    if atom.kind == "value":
        node = atom.args[0]
        return node.name or (f"{node.op.name}(...)" if node.args else _unnamed(node))
    if atom.kind == "index":
        return str(atom.args[0])
    return sizes.compound_text(atom, _atom)


def size_text(size: SizeLike | None) -> str:
    """A size as the user writes it: `x.shape[0] + 1`; `?` when it is unknown."""
    return "?" if size is None else sizes.render(size, _atom)


def shape_text(shape: tuple[Any, ...]) -> str:
    """A shape as the user writes it: `(3, x.shape[1])`; a tuple of shapes the same way."""
    inner = ", ".join(shape_text(n) if isinstance(n, tuple) else size_text(n) for n in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def type_text(node: Node) -> str:
    """The dtype and shape of a node: `float64 (x.shape[0],)`."""
    types = getattr(node.type, "types", None)
    if types is None:
        return f"{node.dtype} {shape_text(node.type.shape)}"
    return ", ".join(f"{t.dtype} {shape_text(t.shape)}" for t in types)


# -- expressions ------------------------------------------------------------------------------
def pp(node: Any, limit: int = LIMIT) -> str:
    """The expression that a node stands for, as text on one line.

    Broadcasts and the casts that promotion inserts are not shown; Python numbers print as
    `TensorConstant{2}`, NumPy numbers as they are.  Parts used twice are written twice; text
    beyond `limit` characters is cut, ending in `...`.  A list or tuple of nodes prints as one.
    """
    if isinstance(node, (list, tuple)):
        inner = ", ".join(pp(item, limit) for item in node)
        return f"({inner})" if isinstance(node, tuple) else f"[{inner}]"
    if not isinstance(node, Node):
        raise TypeError(
            f"pp prints symbolic tensors; found {type(node).__name__}. "
            "For a compiled function pass f.maker.fgraph.outputs[0]"
        )
    written: list[str] = []
    length = 0
    stack: list[Piece] = [node]
    while stack:
        piece = stack.pop()
        if isinstance(piece, Node):
            stack.extend(reversed(_pieces(piece)))
            continue
        written.append(piece)
        length += len(piece)
        if length > limit:
            return "".join(written)[:limit] + "..."
    return "".join(written)


def _pieces(node: Node) -> list[Piece]:
    op: Any = node.op
    name = op.name
    if name == "broadcast" or (name == "cast" and op.implicit):
        return [node.args[0]]
    special = _SPECIAL.get(name)
    if special is not None:
        return special(node)
    if not node.args:
        return [_leaf(node)]
    row = getattr(op, "row", None)
    if row is not None and row.infix:
        return _filled(row.infix, node)
    return _call(name, node)


def _filled(template: str, node: Node) -> list[Piece]:
    """`({0} + {1})` with the arguments in place."""
    pieces: list[Piece] = []
    for k, part in enumerate(template.split("{")):
        if k == 0:
            pieces.append(part)
            continue
        position, rest = part.split("}", 1)
        pieces.extend((node.args[int(position)], rest))
    return pieces


def _call(name: str, node: Node, *extra: str) -> list[Piece]:
    pieces: list[Piece] = [f"{name}("]
    for k, arg in enumerate(node.args):
        pieces.extend((", ", arg) if k else (arg,))
    pieces.extend(f", {text}" for text in extra)
    pieces.append(")")
    return pieces


def _reduction(node: Node) -> list[Piece]:
    op: Any = node.op
    everything = len(op.axes) == node.args[0].ndim
    return _call(op.name, node, *(() if everything else (f"axis={op.axes}",)))


def _permute(node: Node) -> list[Piece]:
    op: Any = node.op
    if op.axes == tuple(reversed(range(node.ndim))):
        return [node.args[0], ".T"]
    return _call("transpose", node, str(op.axes))


def window_text(op: Any) -> str:
    """The window of a tensor as a Python index: `1:n:2, 0`."""
    shown = []
    for n, start, length, step, drop in zip(
        op.shape, op.starts, op.lengths, op.steps, op.drops, strict=True
    ):
        if drop:
            shown.append(size_text(start))
        elif start == 0 and length == n and step == 1:
            shown.append(":")
        else:
            first = "" if start == 0 and step > 0 else size_text(start)
            stop = start + length * step
            last = "" if (step == 1 and stop == n) or stop == -1 else size_text(stop)
            shown.append(f"{first}:{last}" + ("" if step == 1 else f":{step}"))
    return ", ".join(shown)


def _slice(node: Node) -> list[Piece]:
    return [node.args[0], f"[{window_text(node.op)}]"]


def _place(node: Node) -> list[Piece]:
    op: Any = node.op
    return _call("place", node, shape_text(op.shape), f"[{window_text(op)}]")


def _get(node: Node) -> list[Piece]:
    op: Any = node.op
    return [node.args[0], f"[{op.position}]"]


def _scan(node: Node) -> list[Piece]:
    op: Any = node.op
    return _call("scan", node, f"length={size_text(op.length)}")


_SPECIAL: dict[str, Callable[[Node], list[Piece]]] = {
    "cast": lambda node: _call("cast", node, node.dtype),
    "sum": _reduction,
    "prod": _reduction,
    "max": _reduction,
    "min": _reduction,
    "any": _reduction,
    "all": _reduction,
    "permute": _permute,
    "squeeze": lambda node: _call("squeeze", node, f"axis={node.op.axes}"),  # type: ignore[attr-defined]
    "reshape": lambda node: _call("reshape", node, shape_text(node.dims)),
    "slice": _slice,
    "place": _place,
    "set_window": lambda node: _call("set", node, f"[{window_text(node.op)}]"),
    "join": lambda node: _call("join", node, f"axis={node.op.axis}"),  # type: ignore[attr-defined]
    "size": lambda node: [size_text(node.op.size)],  # type: ignore[attr-defined]
    "shape": lambda node: [shape_text(node.op.shape)],  # type: ignore[attr-defined]
    "arange": lambda node: [f"arange({size_text(node.op.length)})"],  # type: ignore[attr-defined]
    "get": _get,
    "scan": _scan,
}


# -- trees ------------------------------------------------------------------------------------
_FLAGS = {f"print_{what}" for what in (
    "shape", "storage", "op_info", "destroy_map", "view_map", "memory_map", "inner_graphs",
    "fgraph_inputs", "assumptions")}  # fmt: skip


def dprint(
    graph: Any,
    depth: int = 300,
    print_type: bool = True,
    file: Any = None,
    id_type: str = "CHAR",
    stop_on_name: bool = False,
    **further: Any,
) -> str | None:
    """Print graphs as trees: one node a line, with an id, its type and its shape.

    graph       a node, a list of nodes, or a compiled function
    depth       levels shown; what lies deeper is cut with a note
    print_type  whether to show dtype and shape
    file        where to write (standard output by default); "str" returns the text instead
    id_type     how nodes are numbered: "CHAR" (A, B, ...), "int" (1, 2, ...) or "" for no ids
    stop_on_name  whether to cut the tree below nodes that have a name
    further     PyTensor's flags for storage, memory and the like, which show nothing here

    A part that occurs again is shown as its first line and ` ···`.  Bodies of loops follow under
    `Inner graphs`.
    """
    if id_type not in ("CHAR", "int", ""):
        raise ValueError(f"dprint: id_type={id_type!r} found, expected 'CHAR', 'int' or ''")
    if unknown := sorted(further.keys() - _FLAGS):
        raise TypeError(f"dprint: unknown arguments {', '.join(unknown)}")
    tree = _Tree(depth, print_type, id_type, stop_on_name)
    text = "\n".join(tree.lines(_outputs(graph))) + "\n"
    if file == "str":
        return text
    print(text, end="", file=sys.stdout if file is None else file)
    return None


debugprint = dprint
pprint = pp


def _outputs(graph: Any) -> list[Node]:
    if isinstance(graph, Node):
        return [graph]
    if isinstance(graph, (list, tuple)):
        return [node for item in graph for node in _outputs(item)]
    maker = getattr(graph, "maker", None)
    if maker is None:
        raise TypeError(
            "dprint shows symbolic tensors, lists of them and compiled functions; "
            f"found {type(graph).__name__}"
        )
    return list(maker.fgraph.outputs)


class _Tree:
    """The state of one printing: ids given so far and loops whose bodies are still to come."""

    def __init__(self, depth: int, print_type: bool, id_type: str, stop_on_name: bool) -> None:
        self.depth = depth
        self.print_type = print_type
        self.id_type = id_type
        self.stop_on_name = stop_on_name
        self.ids: dict[Node, str] = {}
        self.loops: list[Node] = []

    def lines(self, outputs: list[Node]) -> Iterator[str]:
        for out in outputs:
            yield from self.tree(out, "")
        done = 0
        while done < len(self.loops):
            if not done:
                yield from ("", "Inner graphs:")
            node = self.loops[done]
            done += 1
            yield ""
            yield self.line(node)
            for body in node.op.bodies:
                for param in body.params:
                    yield f" ← {self.line(param)}"
                for out in body.outputs:
                    yield from self.tree(out, " → ")

    def tree(self, root: Node, lead: str) -> Iterator[str]:
        """The lines of one tree; `lead` stands before the first."""
        stack: list[tuple[Node, str, str, int]] = [(root, lead, " " * len(lead), 0)]
        while stack:
            node, before, below, level = stack.pop()
            seen = node in self.ids
            yield before + self.line(node)
            if not node.args or (self.stop_on_name and node.name):
                continue
            if seen:
                yield f"{below} └─ ···"
            elif level + 1 >= self.depth:
                yield f"{below} └─ ··· (cut at {self.depth} levels; pass depth= for more)"
            else:
                last = len(node.args) - 1
                for k in range(last, -1, -1):
                    arm, rest = (" └─ ", "    ") if k == last else (" ├─ ", " │  ")
                    stack.append((node.args[k], below + arm, below + rest, level + 1))

    def line(self, node: Node) -> str:
        found = self.ids.get(node)
        if found is None:
            k = len(self.ids)
            found = self.ids[node] = _letters(k) if self.id_type == "CHAR" else str(k + 1)
            if node.op.bodies:
                self.loops.append(node)
        kind = f" <{type_text(node)}>" if self.print_type else ""
        name = f" '{node.name}'" if node.name and node.args else ""
        number = f" [id {found}]" if self.id_type else ""
        return f"{head(node)}{number}{kind}{name}"


def _letters(k: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    text = ""
    k += 1
    while k:
        k, digit = divmod(k - 1, 26)
        text = chr(ord("A") + digit) + text
    return text


def head(node: Node) -> str:
    """The op and its parameters, or what a leaf is."""
    name = node.op.name
    if not node.args:
        special = _SPECIAL.get(name)
        return "".join(map(str, special(node))) if special else _leaf(node)
    if name in ("slice", "place", "set_window"):
        return f"{name}[{window_text(node.op)}]"
    parameters = [
        f"{slot}={_parameter(value, slot in node.op.size_slots)}"
        for slot, value in node.op.parameters()
        if slot not in ("row_name", "which", "body", "bodies")
    ]
    return name + (f"{{{', '.join(parameters)}}}" if parameters else "")


def _parameter(value: Any, is_size: bool) -> str:
    if not is_size:
        return str(value)
    return shape_text(value) if isinstance(value, tuple) else size_text(value)
