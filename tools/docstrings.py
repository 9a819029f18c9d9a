"""Docstrings as Markdown.

A docstring is blocks between empty lines.  What a block is shows in its text: an example begins
with `>>>`, a table of terms has a term, two spaces or more, and what it means, a block that is
indented as a whole is shown as it is, and the rest are sentences.

Responsible for: this translation.  Not responsible for: which docstrings there are
(`tools.reference`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TERM = re.compile(r"(?P<term>\S+(?: \S+)*?(?<![.:;,!?)]))  +(?P<text>\S.*)")
_CODE = re.compile(r"(``.+?``|`[^`]+`)")
_LONGEST_TERM = 32


def markdown(doc: str) -> str:
    """The docstring `doc`, without the indentation of its source, as Markdown."""
    return "\n\n".join(_block(block) for block in _blocks(doc))


def summary(doc: str) -> str:
    """Its first sentence, on one line."""
    first = " ".join(next(_blocks(doc), "").split())
    return re.split(r"(?<=[.!?]) (?=[A-Z`(])", first)[0]


def _blocks(doc: str) -> Iterator[str]:
    for block in re.split(r"\n[ \t]*\n", doc.strip("\n")):
        if block.strip():
            yield block


def _block(block: str) -> str:
    lines = block.split("\n")
    if lines[0].startswith(">>> "):
        return f"```python\n{block}\n```"
    if all(line.startswith("  ") for line in lines):
        return f"```\n{block}\n```"
    items = _items(lines)
    if items is None:
        return sentences(block)
    if any("   " in text for _, text in items):  # more than two columns
        return f"```\n{block}\n```"
    return "\n".join(f"* `{term.replace('`', '')}`: {sentences(text)}" for term, text in items)


def _items(lines: list[str]) -> list[tuple[str, str]] | None:
    """The rows of a table of terms; None where the lines are no such table."""
    items: list[tuple[str, str]] = []
    for line in lines:
        match = _TERM.fullmatch(line)
        if match and len(match["term"]) <= _LONGEST_TERM:
            items.append((match["term"], match["text"]))
        elif line.startswith(" ") and items:
            term, text = items[-1]
            items[-1] = (term, f"{text} {line.strip()}")
        else:
            return None
    return items


def sentences(text: str) -> str:
    """Text whose asterisks are multiplications, and whose `names` are code."""
    parts = _CODE.split(text)
    parts[::2] = [re.sub(r"(?<!^)(?<!\n)\*(?! )|\*(?=\*)", r"\\*", part) for part in parts[::2]]
    return re.sub(r"(?<=\S)  +", " ", "".join(parts))
