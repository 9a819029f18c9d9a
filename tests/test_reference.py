"""docs/api and docs/ops.md are what `python -m tools.reference` makes, and say something."""

from __future__ import annotations

import functools
import inspect
import re

import pytest
from documents import ROOT

import cgrad
from tools import docstrings, reference

pages = functools.cache(reference.pages)


def test_pages_are_up_to_date() -> None:
    found = {
        path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs" / "api").glob("*.md")
    }
    made = pages()
    assert found == {path for path in made if path.startswith("api/")}, reference.COMMAND
    old = [
        path
        for path, text in made.items()
        if (ROOT / "docs" / path).read_text(encoding="utf-8") != text
    ]
    assert not old, f"run {reference.COMMAND}, which writes {', '.join(old)}"


def test_every_public_name_has_a_page() -> None:
    text = "\n".join(pages().values())
    headings = {name for line in re.findall(r"^### (.*)$", text, re.M) for name in line.split()}
    symbols = set(re.findall(r"`(\w+)`", text[text.index("All of them:") :].partition("## ")[0]))
    for module in (cgrad, cgrad.tensor, cgrad.gradient, cgrad.graph, cgrad.tensor.linalg):
        names = {name for name in module.__all__ if not inspect.ismodule(getattr(module, name))}
        assert names - headings - symbols == set(), module.__name__


def test_every_entry_says_something() -> None:
    for page, text in pages().items():
        for entry in re.split(r"^####? ", text, flags=re.M)[1:] if "/" in page else []:
            name, _, rest = entry.partition("\n")
            words = re.sub(r"```.*?```|^## .*|^\* \[.*", "", rest, flags=re.DOTALL | re.M)
            assert re.search(r"[A-Za-z\d]", words), f"{page}: {name} has no docstring"


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        ("One.  Two a*b.\nThree.", "One. Two a\\*b.\nThree."),
        ("`a*b` is 2 * x", "`a*b` is 2 * x"),
        (
            "x    a number\nlong name  more\n     of it",
            "* `x`: a number\n* `long name`: more of it",
        ),
        ("a   b   c\n1   2   3", "```\na   b   c\n1   2   3\n```"),
        ("Text:\n\n    code  here", "Text:\n\n```\n    code  here\n```"),
        (">>> 1 * 2\n2", "```python\n>>> 1 * 2\n2\n```"),
        ("* one\n* two", "* one\n* two"),
    ],
)
def test_markdown(doc: str, expected: str) -> None:
    assert docstrings.markdown(doc) == expected


def test_summary() -> None:
    assert docstrings.summary("The sum, e.g. of\nx.  More.\n\nAnd more.") == "The sum, e.g. of x."
