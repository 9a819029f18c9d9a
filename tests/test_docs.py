"""docs/: the examples run and print what they show, and the files they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import ROOT, Document

DOCS = sorted((ROOT / "docs").rglob("*.md"))
# the others are made from the source; examples there are those of docstrings
WRITTEN = [path for path in DOCS if "<!-- Made by" not in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_examples(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(tmp_path / "cache"))
    document = Document(path)
    assert document.examples
    assert not document.failures, "\n".join(document.failures)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    assert [x for x in links if "://" not in x and not (path.parent / x).exists()] == []


def test_the_layout_names_every_module() -> None:
    """docs/architecture.md says which file holds what: none is forgotten, none is invented."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("## Which file holds what") :].partition("\n## ")[0]
    named = set(re.findall(r"^\s*(\w[\w/]*\.(?:py|c|h))\b", table, re.MULTILINE))
    found = {
        path.relative_to(ROOT / "cgrad").as_posix()
        for path in (ROOT / "cgrad").rglob("*")
        if path.suffix in (".py", ".c", ".h")
        and (path.name != "__init__.py" or path.parent.name == "cgrad")
    }
    assert named == found
