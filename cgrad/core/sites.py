"""Where in the user's code a node was made.

A site is (code object, instruction), which costs a fraction of a microsecond to take; the text
is looked up only when an error is raised.
"""

from __future__ import annotations

import itertools
import linecache
import os
import sys
from types import CodeType

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

Site = tuple[CodeType, int]
NO_SITE: Site = (compile("", "<cgrad>", "exec"), -1)


def creation_site() -> Site:
    """The user's instruction that is being executed: the innermost frame outside of cgrad."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_PACKAGE):
        outer = frame.f_back
        if outer is None:
            return NO_SITE
        frame = outer
    return frame.f_code, frame.f_lasti


def describe(site: Site | None) -> str:
    """The file, the line and a caret under the expression, each indented by two; "" if unknown."""
    if site is None or site[1] < 0:
        return ""
    code, instruction = site
    positions = next(itertools.islice(code.co_positions(), instruction // 2, None), None)
    line, end_line, start, end = positions or (None, None, None, None)
    if line is None:
        return ""
    header = f"  at {code.co_filename}:{line}"
    text = linecache.getline(code.co_filename, line).rstrip("\n")
    if not text.strip() or start is None or end is None:
        return header
    # columns are counted in UTF-8 bytes
    raw = text.encode()
    first = len(raw[:start].decode(errors="replace"))
    last = len(raw[:end].decode(errors="replace")) if end_line == line else len(text)
    indent = len(text) - len(text.lstrip())
    caret = " " * (first - indent) + "^" * max(1, last - first)
    return f"{header}\n    {text.strip()}\n    {caret}"
