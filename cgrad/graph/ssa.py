"""A graph as a list of typed assignments: every value has a number, arguments come first.

    f(%0 x : float64 (n,))
      where n = x.shape[0]
      %1 : float64 (n,) = exp %0   # y
      return %1

Responsible for: this text.  Not responsible for: expressions and trees (`core.text`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cgrad.core import sizes
from cgrad.core.graphs import Body, toposort
from cgrad.core.node import Node
from cgrad.core.sites import describe
from cgrad.core.sizes import Atom, SizeLike
from cgrad.core.text import head

_LETTERS = "nmpqrstuvw"


def assignments(
    outputs: Sequence[Node], inputs: Sequence[Node] = (), name: str = "f", sites: bool = False
) -> str:
    """The graph of `outputs` as text, one line a node.

    inputs  shown in the first line, in this order; other free variables have lines of their own
    sites   also show the file and line that made each node
    """
    printer = _Printer(sites)
    parameters = ", ".join(map(printer.parameter, inputs))
    lines = list(printer.block(toposort(outputs, inputs), inputs, outputs, "  ", "return"))
    head_line = f"{name}({parameters})"
    if printer.named:
        sizes_ = ", ".join(f"{text} = {_length(atom)}" for atom, text in printer.named.items())
        head_line += f"\n  where {sizes_}"
    return "\n".join([head_line, *lines])


def type_texts(nodes: Sequence[Node], inputs: Sequence[Node] = ()) -> list[str]:
    """The types of nodes, sizes named by letters as in `assignments`: `float64 (n, m)`."""
    printer = _Unnumbered(sites=False)
    for node in inputs:
        printer.type(node)
    return [printer.type(node) for node in nodes]


def _length(atom: Atom) -> str:
    node, axis = atom.args
    return f"{node.name or 'input'}.shape[{axis}]"


class _Printer:
    """Numbers given to values, letters to the sizes of free variables."""

    def __init__(self, sites: bool) -> None:
        self.sites = sites
        self.numbers: dict[Node, int] = {}
        self.named: dict[Atom, str] = {}

    def ref(self, node: Node) -> str:
        """`%3`"""
        number = self.numbers.setdefault(node, len(self.numbers))
        return f"%{number}"

    def size(self, size: SizeLike | None) -> str:
        return "?" if size is None else sizes.render(size, self.atom)

    def atom(self, atom: Atom) -> str:
        if atom.kind == "dim":
            found = self.named.get(atom)
            if found is None:
                k = len(self.named)
                found = _LETTERS[k] if k < len(_LETTERS) else f"n{k}"
                self.named[atom] = found
            return found
        if atom.kind == "value":
            return self.ref(atom.args[0])
        if atom.kind == "index":
            return str(atom.args[0])
        return sizes.compound_text(atom, self.atom)

    def shape(self, shape: Iterable[SizeLike | None]) -> str:
        inner = [self.size(n) for n in shape]
        return f"({inner[0]},)" if len(inner) == 1 else f"({', '.join(inner)})"

    def type(self, node: Any) -> str:
        """`float64 (n, m)`, or several of them in parentheses."""
        types = getattr(node.type, "types", None)
        if types is not None:
            return f"({', '.join(f'{t.dtype} {self.shape(t.shape)}' for t in types)})"
        return f"{node.type.dtype} {self.shape(node.type.shape)}"

    def block(
        self,
        order: Iterable[Node],
        params: Sequence[Node],
        outputs: Sequence[Node],
        indent: str,
        end: str,
    ) -> Iterator[str]:
        for param in params:
            self.ref(param)
        given = set(params)
        for node in order:
            if node in given:
                continue
            bodies: tuple[Body, ...] = node.op.bodies
            # numbers follow the order of the lines, so those of bodies come before their loop
            inner = [line for body in bodies for line in self.body(body, indent + "  ")]
            args = "".join(f" {self.ref(arg)}" for arg in node.args)
            opened = " {" if bodies else ""
            line = f"{indent}{self.ref(node)} : {self.type(node)} = {self.op(node)}{args}{opened}"
            yield line + self.remark(node)
            if bodies:
                yield from inner
                yield indent + "}"
        yield f"{indent}{end} {', '.join(self.ref(out) for out in outputs)}".rstrip()

    def parameter(self, node: Node) -> str:
        """`%0 x : float64 (n,)`"""
        return f"{self.ref(node)} {node.name + ' ' if node.name else ''}: {self.type(node)}"

    def body(self, body: Body, indent: str) -> Iterator[str]:
        yield f"{indent}step({', '.join(map(self.parameter, body.params))})"
        yield from self.block(body.order, body.params, body.outputs, indent + "  ", "yield")

    def op(self, node: Node) -> str:
        """The op and its parameters."""
        if not node.args:
            return node.name if node.op.name == "input" and node.name else head(node)
        if node.op.name in ("slice", "place", "set_window"):
            return head(node)
        shown = []
        for slot, value in node.op.parameters():
            if slot in node.op.size_slots and isinstance(value, tuple):
                shown.append(f"{slot}={self.shape(value)}")
            elif isinstance(value, sizes.Size):
                shown.append(f"{slot}={self.size(value)}")
            elif slot not in ("row_name", "which", "body", "bodies"):
                shown.append(f"{slot}={value}")
        return node.op.name + (f"{{{', '.join(shown)}}}" if shown else "")

    def remark(self, node: Node) -> str:
        """`   # name, file:line`"""
        parts = [node.name] if node.name and node.args else []
        if self.sites:
            where = describe(node.site).partition("\n")[0].strip().removeprefix("at ")
            parts += [where] if where else []
        return f"   # {', '.join(parts)}" if parts else ""


class _Unnumbered(_Printer):
    """Where values have no numbers: a size that is computed has the name of what computes it."""

    def ref(self, node: Node) -> str:
        return node.name or f"{node.op.name}(...)"
