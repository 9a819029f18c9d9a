"""`cgrad cache` and `cgrad doctor`; what every command has in common."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import cgrad
from cgrad.cli import doctor
from cgrad.cli.main import build_parser


@pytest.fixture
def filled(cgrad_cli, models):
    """The shared cache with at least two kernels: their keys."""
    rows = cgrad_cli("compile", f"{models}:powers", "--json").json["kernels"]
    return [row["key"] for row in rows]


def test_info_and_list(cgrad_cli, filled, shared_cache):
    info = cgrad_cli("cache", "info", "--json").json
    assert info["directory"] == str(shared_cache) and info["kinds"]["kernel"] >= 2
    entries = cgrad_cli("cache", "list", "--json").json["entries"]
    assert {e["name"] for e in entries if e["key"] in filled} == {"power2", "power3"}
    assert info["bytes"] == sum(e["bytes"] for e in entries)
    text = cgrad_cli("cache", "list").out
    assert filled[0][:12] in text and "power2" in text
    assert str(shared_cache) in cgrad_cli("cache", "info").out


def test_show_and_explain(cgrad_cli, filled):
    shown = cgrad_cli("cache", "show", filled[0][:16], "--source")
    assert "static int64_t power2(" in shown.out and filled[0] in shown.out
    lines = cgrad_cli("cache", "explain", *filled, "--json").json["differences"]
    assert "name: power2 -> power3" in lines
    assert any(line.startswith("source: ") for line in lines)
    text = cgrad_cli("cache", "explain", *filled).out
    assert "  -static int64_t power2(" in text and "  +static int64_t power3(" in text
    assert cgrad_cli("cache", "explain", filled[0], filled[0]).out == "the two are the same\n"
    assert "no entry begins" in cgrad_cli("cache", "show", "0" * 64).err
    assert cgrad_cli("cache", "show", "xyz").code == 2


def test_verify_finds_damage_and_removes_it(cgrad_cli, models, tmp_path, monkeypatch):
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(tmp_path / "cache"))
    (row,) = cgrad_cli("compile", f"{models}:loss", "--json").json["kernels"]
    assert cgrad_cli("cache", "verify").code == 0
    path = Path(row["path"])
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.unlink()  # this process has it open
    path.write_bytes(data)
    path.chmod(0o700)
    ran = cgrad_cli("cache", "verify", "--json")
    assert ran.code == 1
    first = ran.json["damaged"][0]
    assert first["path"] == str(path) and "wrong checksum" in first["reason"]
    assert "damaged" in cgrad_cli("cache", "list").out
    assert cgrad_cli("cache", "verify", "--remove").code == 0
    assert not path.exists()
    assert cgrad_cli("cache", "verify").out.endswith("0 files damaged\n")


def test_prune_and_clear(cgrad_cli, models, tmp_path, monkeypatch):
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(tmp_path / "cache"))
    assert cgrad_cli("cache", "prune", "--max-size", "1M").code == 0  # nothing is there
    assert not (tmp_path / "cache").exists()
    for key in ("aa", "bb"):
        _entry(tmp_path / "cache" / "v1" / key / f"{key * 32}.so", 1000)
    os.utime(tmp_path / "cache" / "v1" / "aa" / f"{'aa' * 32}.so", (0, 0))
    assert cgrad_cli("cache", "prune", "--max-size", "1500", "--json").json["freed"] == 1000
    assert [e["key"] for e in cgrad_cli("cache", "list", "--json").json["entries"]] == ["bb" * 32]
    assert cgrad_cli("cache", "prune", "--max-size", "much").code == 2
    refused = cgrad_cli("cache", "clear")
    assert refused.code == 2 and "--yes" in refused.err
    assert cgrad_cli("cache", "clear", "--yes").code == 0
    assert not list((tmp_path / "cache").rglob("*.so"))
    assert cgrad_cli("cache", "clear").out == "removed 0 entries, 0 B\n"  # nothing to ask about


def _entry(path, size):
    path.parent.mkdir(parents=True, mode=0o700)
    for folder in (path.parents[1], path.parents[2]):
        folder.chmod(0o700)
    path.write_bytes(b"x" * size)


def test_doctor(cgrad_cli, monkeypatch, tmp_path):
    ran = cgrad_cli("doctor", "--json")
    found = {finding["name"]: finding for finding in ran.json["findings"]}
    assert ran.code == 0, found
    assert found["compiler"]["state"] == "ok" and found["flags"]["state"] == "ok"
    assert {"libmvec", "openmp", "blas", "threads", "cache", "calls"} <= set(found)
    monkeypatch.setenv("CGRAD_NUM_THREADS", "4096")
    monkeypatch.setenv("CGRAD_CAHCE", "rw")
    monkeypatch.setenv("CGRAD_CACHE_BASE", str(tmp_path / "none"))
    ran = cgrad_cli("doctor")
    assert ran.code == 1 and "holds no kernels" in ran.out and "CGRAD_NUM_THREADS=" in ran.out
    assert "CGRAD_CAHCE is no setting" in ran.out and "write CGRAD_CACHE\n" in ran.out
    monkeypatch.setenv("CGRAD_CFLAGS", "-fno-such-option")
    assert "problem  flags" in cgrad_cli("doctor").out
    monkeypatch.setenv("CGRAD_CC", "no-such-compiler")
    ran = cgrad_cli("doctor")
    assert ran.code == 3 and "Fix: Install one" in ran.out
    monkeypatch.setenv("CGRAD_DEBUG", "much")
    ran = cgrad_cli("doctor")
    assert ran.code == 1 and "unset CGRAD_DEBUG" in ran.out


def test_doctor_says_in_words_that_a_compiler_did_not_answer(monkeypatch):
    monkeypatch.setattr(doctor, "_PATIENCE", 0.05)
    assert doctor._execute(["sleep", "9"]) == (1, "no answer in 0.05 s")


def commands(parser, words=()):
    """(words, parser) of every command."""
    yield words, parser
    for action in parser._actions:
        if hasattr(action, "choices") and isinstance(action.choices, dict):
            for name, inner in action.choices.items():
                yield from commands(inner, (*words, name))


def test_every_help_has_examples(cgrad_cli):
    for words, _ in commands(build_parser()):
        ran = cgrad_cli(*words, "--help")
        assert ran.code == 0 and "examples:\n  cgrad " in ran.out, words


def test_mistakes_in_the_command_line(cgrad_cli):
    for words in ([], ["lost"], ["cache"], ["cache", "show"], ["doctor", "--lost"]):
        ran = cgrad_cli(*words)
        assert ran.code == 2 and ran.err.startswith("usage: cgrad"), words
        ran = cgrad_cli(*words, "--json")
        assert ran.code == 2 and ran.err == "" and ran.json["error"]["kind"] == "usage", words
    assert "look into the cache" in cgrad_cli().err  # who asks for nothing is told what there is


def test_version(cgrad_cli):
    assert cgrad_cli("--version").out == f"cgrad {cgrad.__version__}\n"
