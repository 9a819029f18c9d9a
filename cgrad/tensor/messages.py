"""The one form of the error messages of the user's functions.

Responsible for: the layout (what was found and expected, the tensors, the user's line, the fix).
Not responsible for: the words, which are written where the mistake is found.
"""

from __future__ import annotations

from collections.abc import Sequence

from cgrad.core.node import Node
from cgrad.core.sites import creation_site, describe


def teach(found: str, fix: str, nodes: Sequence[Node] = ()) -> str:
    """`found` (with what was expected), the tensors by name and type, the user's line, `fix`."""
    lines = [found]
    for position, node in enumerate(nodes):
        lines.append(f"  {node.name or f'argument {position + 1}'}: {node.type!r}")
    lines.append(describe(creation_site()))
    lines.append(f"  Fix: {fix}")
    return "\n".join(line for line in lines if line)
