"""Graphs as pictures: Graphviz and Mermaid text, and SVG that needs no other program.

Responsible for: which boxes and arrows there are, and how they look. Not responsible for: where
they are (`graph.layout`), text (`core.text`, `graph.ssa`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core import graphs
from cgrad.core.node import Node
from cgrad.core.text import pp
from cgrad.graph.layout import layout
from cgrad.graph.ssa import type_texts

__all__ = ["Picture", "escape", "picture"]

LARGEST = 400  # nodes that are drawn
_WIDTH, _HEIGHT, _ROW = 7, 34, 68  # of a letter, a box, from row to row
_LONGEST = 28  # letters of a label


def escape(text: str) -> str:
    """Text for HTML and XML; the module `html` would cost 1 ms of every start."""
    for letter, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "#x27")):
        text = text.replace(letter, f"&{name};")
    return text


class Picture:
    """Boxes and arrows.

    boxes   (label, second line, kind): kind is "input", "output" or "op"
    arrows  (from, to) by the numbers of boxes
    left    how many nodes are not drawn
    """

    __slots__ = ("arrows", "boxes", "left")

    def __init__(
        self, boxes: list[tuple[str, str, str]], arrows: list[tuple[int, int]], left: int
    ) -> None:
        self.boxes = boxes
        self.arrows = arrows
        self.left = left

    def dot(self) -> str:
        """The text for Graphviz."""
        shapes = {"input": "ellipse", "output": "doubleoctagon", "op": "box"}
        lines = ["digraph {", "  node [fontname=sans];"]
        for k, (label, kind, role) in enumerate(self.boxes):
            text = f"{_quoted(label)}\\n{_quoted(kind)}"
            lines.append(f'  n{k} [label="{text}", shape={shapes[role]}];')
        lines += [f"  n{a} -> n{b};" for a, b in self.arrows]
        return "\n".join([*lines, "}", ""])

    def mermaid(self) -> str:
        """The text for Mermaid."""
        lines = ["flowchart TD"]
        marks = {"input": ("([", "])"), "output": ("[[", "]]"), "op": ("[", "]")}
        for k, (label, kind, role) in enumerate(self.boxes):
            left, right = marks[role]
            text = escape(f"{label}: {kind}").replace("&", "#").replace("#x27;", "#39;")
            lines.append(f'  n{k}{left}"{text}"{right}')
        lines += [f"  n{a} --> n{b}" for a, b in self.arrows]
        return "\n".join([*lines, ""])

    def svg(self) -> str:
        """A drawing; nothing in it is loaded or executed."""
        widths = [
            max(60, _WIDTH * max(len(label), len(kind)) + 16) for label, kind, _ in self.boxes
        ]
        made = layout(widths, self.arrows)
        width, height = made.width, 20 + _ROW * max(made.rows, default=0) + _HEIGHT
        colours = {"input": "#dbeafe", "output": "#dcfce7", "op": "#f8fafc"}
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
            '<defs><marker id="cgrad-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#64748b"/></marker>'
            "</defs>",
        ]
        parts += [_line(path) for path in made.paths]
        for (label, kind, role), row, x, w in zip(
            self.boxes, made.rows, made.middles, widths, strict=True
        ):
            y = _top(row)
            parts.append(
                f'<rect x="{x - w // 2}" y="{y}" width="{w}" height="{_HEIGHT}" rx="5" '
                f'fill="{colours[role]}" stroke="#475569"/>'
                f'<text x="{x}" y="{y + 14}" text-anchor="middle">{escape(label)}</text>'
                f'<text x="{x}" y="{y + 28}" text-anchor="middle" font-size="10" fill="#64748b">'
                f"{escape(kind)}</text>"
            )
        return "\n".join([*parts, "</svg>", ""])


def _top(row: int) -> int:
    return 10 + _ROW * row


def _line(path: list[tuple[int, int]]) -> str:
    """From the bottom of a box to the top of another, upright where it passes a row."""
    (row, x), *between = path
    points = [f"{x},{_top(row) + _HEIGHT}"]
    for row, x in between[:-1]:
        points += [f"{x},{_top(row)}", f"{x},{_top(row) + _HEIGHT}"]
    row, x = between[-1]
    return (
        f'<polyline points="{" ".join([*points, f"{x},{_top(row)}"])}" fill="none" '
        'stroke="#64748b" marker-end="url(#cgrad-tip)"/>'
    )


def picture(outputs: Sequence[Node], inputs: Sequence[Node] = ()) -> Picture:
    """The boxes and arrows of a graph; of a large one the part next to the outputs."""
    order = graphs.toposort(outputs)
    kept = order[-LARGEST:]
    place = {node: k for k, node in enumerate(kept)}
    types = type_texts(kept, inputs)
    ends, starts = set(outputs), set(inputs)
    boxes, arrows = [], []
    for k, node in enumerate(kept):
        role = "output" if node in ends else "input" if node in starts or not node.args else "op"
        label = node.name or node.op.name
        if not node.args and node not in starts and not node.name:
            label = pp(node, limit=_LONGEST)
        boxes.append((_cut(label), _cut(types[k]), role))
        for argument in dict.fromkeys(node.args):
            if argument in place:
                arrows.append((place[argument], k))
    return Picture(boxes, arrows, len(order) - len(kept))


def _cut(text: str) -> str:
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 3]}..."


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
