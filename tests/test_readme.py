"""README: its examples run and print what they show, its set-up commands are two."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import ROOT, Document, marked

from cgrad import config

README = ROOT / "README.md"


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(tmp_path / "cache"))
    document = Document(README)
    assert document.examples > 10
    assert not document.failures, "\n".join(document.failures)


def test_two_commands_do_all_the_set_up() -> None:
    commands = dict(marked(README, "set-up"))
    assert list(commands) == ["main job", "tests"]
    assert all(len(text.splitlines()) == 1 for text in commands.values())


def test_every_switch_is_described() -> None:
    text = README.read_text(encoding="utf-8")
    assert [s.variable for s in config.SWITCHES if f"`{s.variable}`" not in text] == []


def test_every_file_it_mentions_exists() -> None:
    text = README.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
