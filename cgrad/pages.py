"""A compiled function as HTML: what notebooks show, and `cgrad show --html`.

Responsible for: the page; all text in it is escaped.  Not responsible for: the drawing
(`graph.drawing`).
"""

from __future__ import annotations

from typing import Any

from cgrad.graph.drawing import escape, picture

__all__ = ["fragment", "page"]


def fragment(f: Any) -> str:
    """What a notebook shows: the signature, and to be opened the graph and the C."""
    graph = f.graph
    drawn = picture(graph.outputs, graph.inputs)
    left = f"<p>{drawn.left} more nodes are not drawn.</p>" if drawn.left else ""
    parts = [
        f"<div><code>{escape(repr(f))}</code>",
        f"<details><summary>graph</summary>{left}{drawn.svg()}</details>",
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


def _listing(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>"


def _start(source: str) -> int:
    """Where the text of the function itself begins, after the runtime functions."""
    return max(0, source.rfind("/* ", 0, source.rfind("\nstatic int64_t ")))
