"""`cgrad export`, and hostile arguments of every command."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

HOSTILE = [
    "", " ", "é", "变量", "\U0001f600", "int", "class", "main", "x" * 10_000, '"; system("x")',
    "$(touch pwned)", "`id`", "../../etc/passwd", "/", "-", "--", "-o", "--lost=1", "\n", "\t:\r",
    "a\0b", "\x1b[31m", "%s%n", "cli_models:", ":loss", "cli_models:__class__", "os:system",
    "cli_models:loss.__globals__", "*/ x /*", "\ud800", "cli_models:calls", "nan", "-1", "1e9",
]  # fmt: skip


def test_files_and_names(cgrad_cli, models, tmp_path):
    ran = cgrad_cli("export", f"{models}:loss", "-o", "out", "--name", "a b", "--cmake", "--json")
    assert ran.code == 0 and ran.json["name"] == "a_b"
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["CMakeLists.txt", "a_b.c", "a_b.h", "a_b.pc.in", "a_b_test.c"]
    np.savez(tmp_path / "x.npz", x=np.ones(5))
    ran = cgrad_cli("export", f"{models}:loss", "-o", "out", "--example", "x.npz")
    assert ran.code == 0 and "loss(5, cg_in0," in (tmp_path / "out" / "loss_test.c").read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["cli_models:powers", "-o", "out"],
            2,
            "gives 2 functions, expected one of cli_models:powers[2], ",
        ),
        (["cli_models:loss", "-o", "cli_models.py"], 2, "is not a directory"),
        (["cli_models:loss", "-o", "out", "--example", "cli_models.py"], 2, "is no .npz file"),
        (["cli_models:loss"], 2, "-o/--output"),
    ],
)
def test_mistakes(cgrad_cli, models, words, code, message):
    ran = cgrad_cli("export", *words)
    assert (ran.code, message in ran.err) == (code, True), ran.err


def test_hostile_arguments_get_clean_errors(cgrad_cli, models, tmp_path):
    """No traceback, an exit code that is documented, and no file but where it was asked for."""
    commands = [
        lambda word: ("compile", word),
        lambda word: ("export", word, "-o", "out"),
        lambda word: ("export", "cli_models:loss", "-o", "out", "--name", word),
        lambda word: ("export", "cli_models:loss", "-o", "out", "--example", word),
        lambda word: ("cache", "show", word),
        lambda word: ("cache", "explain", word, word),
        lambda word: ("cache", "prune", "--max-size", word),
        lambda word: (word,),
        lambda word: ("cache", word),
    ]
    before = {path.name for path in tmp_path.iterdir()}
    for command, word in itertools.product(commands, HOSTILE):
        words = command(word)
        ran = cgrad_cli(*words)
        assert ran.code in (0, 1, 2), (words, ran.code)
        assert "Traceback" not in ran.err, words
        assert ran.code == 0 or ran.err or "failed" in ran.out, words
        assert "\x1b" not in ran.err or command("x") in (("x",), ("cache", "x")), words
    after = {path.name for path in tmp_path.iterdir()} - before - {"__pycache__"}
    assert after == {"out"}
    for path in (tmp_path / "out").iterdir():
        assert re.fullmatch(r"[A-Za-z0-9_]+\.[ch]", path.name)
        text = path.read_bytes()
        assert text.isascii() and not re.search(rb"\bsystem *\(", text)
