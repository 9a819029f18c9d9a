"""Graphs as pictures: Graphviz and Mermaid text, and SVG that needs no other program.

Responsible for: which boxes and arrows there are, and a simple layout in layers: a node is one row
below its lowest argument, rows are ordered by the mean place of their arguments (Sugiyama, Tagawa
and Toda 1981, without bends). Not responsible for: text (`core.text`, `graph.ssa`).
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core import graphs
from cgrad.core.node import Node

__all__ = ["Picture", "escape", "picture"]

LARGEST = 400  # nodes that are drawn
_WIDTH, _HEIGHT, _GAP, _ROW = 7, 34, 18, 68  # of a letter, a box, between boxes, of a row
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
        places, width, height = self._layout()
        colours = {"input": "#dbeafe", "output": "#dcfce7", "op": "#f8fafc"}
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
            '<defs><marker id="cgrad-tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#64748b"/></marker>'
            "</defs>",
        ]
        for a, b in self.arrows:
            (xa, ya, _), (xb, yb, _) = places[a], places[b]
            parts.append(
                f'<line x1="{xa}" y1="{ya + _HEIGHT}" x2="{xb}" y2="{yb}" stroke="#64748b" '
                'marker-end="url(#cgrad-tip)"/>'
            )
        for (label, kind, role), (x, y, w) in zip(self.boxes, places, strict=True):
            parts.append(
                f'<rect x="{x - w // 2}" y="{y}" width="{w}" height="{_HEIGHT}" rx="5" '
                f'fill="{colours[role]}" stroke="#475569"/>'
                f'<text x="{x}" y="{y + 14}" text-anchor="middle">{escape(label)}</text>'
                f'<text x="{x}" y="{y + 28}" text-anchor="middle" font-size="10" fill="#64748b">'
                f"{escape(kind)}</text>"
            )
        return "\n".join([*parts, "</svg>", ""])

    def _layout(self) -> tuple[list[tuple[int, int, int]], int, int]:
        """(middle, top, width) of each box, and the size of the whole."""
        below: list[list[int]] = [[] for _ in self.boxes]
        for a, b in self.arrows:
            below[b].append(a)
        level = [0] * len(self.boxes)
        for k, arguments in enumerate(below):  # arguments come first
            level[k] = max((level[a] + 1 for a in arguments), default=0)
        rows: list[list[int]] = [[] for _ in range(max(level, default=0) + 1)]
        for k, number in enumerate(level):
            rows[number].append(k)
        widths = [
            max(60, _WIDTH * max(len(label), len(kind)) + 16) for label, kind, _ in self.boxes
        ]
        middle = [0.0] * len(self.boxes)
        total = max((sum(widths[k] + _GAP for k in row) for row in rows), default=0) + _GAP
        for row in rows:
            row.sort(key=lambda k: sum(middle[a] for a in below[k]) / max(1, len(below[k])))
            x = (total - sum(widths[k] + _GAP for k in row) + _GAP) / 2
            for k in row:
                middle[k] = x + widths[k] / 2
                x += widths[k] + _GAP
        places = [
            (round(middle[k]), 10 + level[k] * _ROW, widths[k]) for k in range(len(self.boxes))
        ]
        return places, total, 20 + len(rows) * _ROW


def picture(outputs: Sequence[Node], inputs: Sequence[Node] = ()) -> Picture:
    """The boxes and arrows of a graph; of a large one the part next to the outputs."""
    order = graphs.toposort(outputs)
    kept = order[-LARGEST:]
    place = {node: k for k, node in enumerate(kept)}
    ends, starts = set(outputs), set(inputs)
    boxes, arrows = [], []
    for k, node in enumerate(kept):
        role = "output" if node in ends else "input" if node in starts or not node.args else "op"
        label = node.name or node.op.name
        if not node.args and node not in starts and not node.name:
            label = str(node)
        boxes.append((_cut(label), _cut(repr(node.type)), role))
        for argument in dict.fromkeys(node.args):
            if argument in place:
                arrows.append((place[argument], k))
    return Picture(boxes, arrows, len(order) - len(kept))


def _cut(text: str) -> str:
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 3]}..."


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
