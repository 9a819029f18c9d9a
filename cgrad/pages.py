"""Tensors and compiled functions as HTML: what notebooks show, and `cgrad show --html`.

Responsible for: the page; all text in it is escaped.  Not responsible for: the drawing
(`graph.drawing`).
"""

from __future__ import annotations

from typing import Any

from cgrad.core.node import Node
from cgrad.core.registry import register
from cgrad.core.text import pp
from cgrad.graph.drawing import Picture, escape, picture

__all__ = ["expression", "fragment", "page"]

_LONGEST = 400  # letters of an expression


def expression(node: Node) -> str:
    """What a notebook shows of a tensor: its expression and type, and to be opened a drawing."""
    name = f"{node.name} = " if node.name and node.args else ""
    code = f"<code>{escape(name + pp(node, limit=_LONGEST))}</code>: {escape(repr(node.type))}"
    drawn = f"\n{_drawing(picture([node]))}" if node.args else ""
    return f"<div>{code}{drawn}</div>"


register("html", expression)


def fragment(f: Any) -> str:
    """What a notebook shows: the signature, and to be opened the graph and the C."""
    graph = f.graph
    parts = [
        f"<div><code>{escape(repr(f))}</code>",
        _drawing(picture(graph.outputs, graph.inputs)),
        _listing("assignments", str(graph)),
        _listing("C", f.c_source[_start(f.c_source) :]),
        "</div>",
    ]
    return "\n".join(parts)


def page(f: Any) -> str:
    """A whole page."""
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{escape(f.name)}</title>'
        f"</head>\n<body>\n{fragment(f).replace('<details>', '<details open>')}\n</body></html>\n"
    )


def _drawing(drawn: Picture) -> str:
    left = f"<p>{drawn.left} more nodes are not drawn.</p>" if drawn.left else ""
    return f"<details><summary>graph</summary>{left}{drawn.svg()}</details>"


def _listing(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>"


def _start(source: str) -> int:
    """Where the text of the function itself begins, after the runtime functions."""
    return max(0, source.rfind("/* ", 0, source.rfind("\nstatic int64_t ")))
