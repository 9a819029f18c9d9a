"""`cgrad compile`, base directories, CGRAD_OFFLINE, machines without a compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cgrad.cache.dispatcher import publish_dispatcher
from cgrad.cli.output import Progress

ROOT = Path(__file__).resolve().parents[2]
USE = "import cli_models as m\nprint(m.loss()([0.0])[1], m.powers()[3]([2.0]))"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory, models_text):
    """A directory that `cgrad compile -o` filled, and the module it was filled from."""
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "cli_models.py").write_text(models_text)
    command = [sys.executable, "-m", "cgrad", "compile", "cli_models", "-o", "kernels", "-j", "2"]
    done = child(command, folder)
    assert done.returncode == 0, done.stderr
    assert "3 compiled, 0 present" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr  # no colour when piped
    return folder


def child(command, folder, **environment):
    keep = {k: v for k, v in os.environ.items() if not k.startswith("CGRAD_")}
    own = {"PYTHONPATH": str(ROOT), "CGRAD_CACHE_DIR": str(folder / "own")}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True,
        env={**keep, **own, **environment},
    )  # fmt: skip


def use(folder, code=USE, **environment):
    return child([sys.executable, "-W", "error", "-c", code], folder, **environment)


@pytest.mark.parametrize("why", ["offline", "no compiler", "another compiler"])
def test_what_was_shipped_runs_without_compiling(shipped, why, tmp_path):
    log = tmp_path / "log"
    other = tmp_path / "bin" / "cc"
    other.parent.mkdir()
    settings = {"CGRAD_CACHE_BASE": str(shipped / "kernels")}
    if why == "offline":
        settings["CGRAD_OFFLINE"] = "1"
    else:
        settings["PATH"] = str(other.parent)
    if why == "another compiler":
        other.write_text(f"#!/bin/sh\necho called > {log}\nexit 1\n")
        other.chmod(0o755)
    done = use(shipped, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "[0.5] 8.0\n"
    assert not log.exists()
    assert not list((shipped / "own").rglob("*.so"))


def test_base_directories_are_only_read(shipped):
    before = sorted((p, p.stat().st_mtime_ns) for p in (shipped / "kernels").rglob("*"))
    code = USE + "\nprint(m.cgrad.function([m.ct.dscalar('z')], m.ct.constant(2.5),"
    code += "on_unused_input='ignore')(1.0))"
    done = use(shipped, code, CGRAD_CACHE_BASE=f"{shipped / 'missing'}:{shipped / 'kernels'}")
    assert "CGRAD_CACHE_BASE is not used" in done.stderr  # an error: -W error
    done = use(shipped, code, CGRAD_CACHE_BASE=str(shipped / "kernels"))
    assert done.stdout == "[0.5] 8.0\n2.5\n", done.stderr
    assert sorted((p, p.stat().st_mtime_ns) for p in (shipped / "kernels").rglob("*")) == before


def test_a_base_that_others_can_write_to_is_refused(shipped):
    (shipped / "kernels").chmod(0o777)
    try:
        done = use(shipped, CGRAD_CACHE_BASE=str(shipped / "kernels"), CGRAD_OFFLINE="1")
        assert "can be written by other users" in done.stderr
    finally:
        (shipped / "kernels").chmod(0o700)


def test_offline_names_what_is_missing(shipped, tmp_path):
    own = str(tmp_path / "empty")
    done = child([sys.executable, "-c", USE], shipped, CGRAD_OFFLINE="1", CGRAD_CACHE_DIR=own)
    assert "OfflineError: the kernel 'loss' is not compiled yet" in done.stderr
    assert own in done.stderr and "cgrad compile" in done.stderr


def test_compile_reports(cgrad_cli, models):
    ran = cgrad_cli("compile", f"{models}:loss", "--json")
    (row,) = ran.json["kernels"]
    assert (ran.code, row["target"], row["error"]) == (0, f"{models}:loss", "")
    assert os.path.exists(row["path"]) and len(row["key"]) == 64
    again = cgrad_cli("compile", f"{models}:loss")
    assert "0 compiled, 1 present" in again.out


def test_a_directory_gets_everything_also_what_is_in_the_cache(cgrad_cli, models, tmp_path):
    assert cgrad_cli("compile", f"{models}:loss").code == 0
    ran = cgrad_cli("compile", f"{models}:loss", "-o", str(tmp_path / "out"))
    assert ran.code == 0 and "1 compiled, 0 present" in ran.out
    kinds = {e["kind"] for e in _list(cgrad_cli, tmp_path / "out")}
    assert kinds == {"kernel", "glue", "dispatcher"}


def test_a_directory_gets_the_library_of_coloured_results(cgrad_cli, models, tmp_path, monkeypatch):
    monkeypatch.setenv("CGRAD_CFLAGS", "-O0")  # sooner compiled
    with open(tmp_path / "cli_models.py", "a", encoding="utf-8") as file:
        file.write(COLOURED)
    target = f"{models}:slopes"
    assert cgrad_cli("compile", target).code == 0  # this process has the library from now on
    assert cgrad_cli("compile", target, "-o", str(tmp_path / "out")).code == 0
    assert {"kernel", "plain"} < {e["kind"] for e in _list(cgrad_cli, tmp_path / "out")}


COLOURED = """
def slopes():
    x, i = ct.dvector("x"), ct.lvector("i")
    matrix = cgrad.jacobian(ct.sin(x)[i] * x[i], x, sparse=True, colouring="column")
    return cgrad.function([x, i], matrix)
"""


def _list(cgrad_cli, folder):
    os.environ["CGRAD_CACHE_DIR"] = str(folder)  # the fixture restores it
    return cgrad_cli("cache", "list", "--json").json["entries"]


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("cli_models:broken", 1, "ZeroDivisionError: division by zero"),
        ("cli_models:number", 2, "is int, no compiled function"),
        ("cli_models:lost", 2, "did you mean loss?"),
        ("cli_model", 2, "there is no module 'cli_model'"),
        ("os", 2, "marks nothing with @cgrad.precompile"),
        ("lost.py:f", 2, "there is no file"),
        ("a b:c", 2, "names no module"),
        ("cli_models:a b", 2, "names nothing in a module"),
        ("cli_models:powers[4]", 2, "there are cli_models:powers[2], cli_models:powers[3]"),
        ("cli_models:qqqq", 2, "it marks loss, powers"),
    ],
)
def test_mistakes(cgrad_cli, models, target, code, message):
    ran = cgrad_cli("compile", target)
    assert (ran.code, message in ran.out + ran.err) == (code, True), ran.err
    as_json = cgrad_cli("compile", target, "--json")
    assert as_json.code == code and as_json.err == ""
    assert message in (as_json.json.get("error") or as_json.json["kernels"][0])["message"]


def test_no_compiler_is_exit_code_3(cgrad_cli, models, monkeypatch, tmp_path):
    publish_dispatcher()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(tmp_path / "cache"))
    ran = cgrad_cli("compile", f"{models}:powers")
    assert ran.code == 3 and ran.err == ""  # the rows say it, and the second not again
    assert ran.out.count("no C compiler was found") == 1 and ran.out.count("failed ") == 2
    monkeypatch.setenv("CGRAD_CC", "/no/cc")
    ran = cgrad_cli("compile", f"{models}:loss")
    assert ran.code == 3 and "'/no/cc' (CGRAD_CC or CC) is not the absolute path" in ran.out


def test_one_of_several_functions(cgrad_cli, models):
    rows = cgrad_cli("compile", f"{models}:powers[3]", "--json").json["kernels"]
    assert [row["target"] for row in rows] == ["cli_models:powers[3]"]


def test_a_setting_that_cannot_be_read_is_a_mistake_of_use(cgrad_cli, models, monkeypatch):
    monkeypatch.setenv("CGRAD_DEBUG", "9")
    ran = cgrad_cli("compile", f"{models}:loss", "--json")
    assert ran.code == 2 and "expected an integer from 0 to 5" in ran.json["error"]["message"]


def test_progress_tells_what_is_left():
    state = Progress(4)
    assert state.line(1.0) == "0/4 compiled, 1.0 s"
    state.step("models:loss")
    assert state.line(2.0) == "1/4 compiled, 2.0 s, about 6 s left, models:loss"


def test_precompile_marks_callables():
    import cgrad

    def maker():
        return None

    assert cgrad.precompile(maker) is maker
    with pytest.raises(TypeError, match="marks a callable"):
        cgrad.precompile(3)
    with pytest.raises(TypeError, match="cannot mark"):
        cgrad.precompile(len)
