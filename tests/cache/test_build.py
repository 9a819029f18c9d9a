"""Running the compiler: what it is told, and what is said when it fails."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from cgrad.cache import toolchain
from cgrad.cache.build import Compilation
from cgrad.cache.load import Source, load_kernel
from cgrad.errors import BuildError, CgradWarning, ConfigError

pytestmark = pytest.mark.usefixtures("cache")


def _load(source, name="x"):
    return load_kernel([("graph", name)], lambda: Source(source))


def test_a_failing_compile_shows_the_line(text):
    broken = text("double").replace("y[0] = 2 * x[0];", "y[0] = 2 * nonsense;")
    with pytest.raises(BuildError) as caught:
        _load(broken)
    error = caught.value
    assert "nonsense" in error.c_line
    assert broken.splitlines()[error.line_number - 1] == error.c_line
    assert "undeclared" in error.stderr
    assert os.path.isabs(error.command[0]) and "-O2" in error.command
    assert "failed with exit code 1" in str(error) and "nonsense" in str(error)


def test_a_failing_compile_is_not_remembered(text, cache):
    with pytest.raises(BuildError):
        _load("int x = ;")
    assert _load(text("double")).origin == "built"
    assert os.listdir(cache / "v1" / "tmp") == []
    assert os.listdir(cache / "v1" / "lock") in ([], ["evict"])


def test_a_lost_exit_code_is_no_trouble_with_the_cache(text, cache, recwarn):
    """Whoever ignores SIGCHLD hears of no exit code."""
    old = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(BuildError, match=r"its exit code was lost(.|\n)*expected") as caught:
            _load("int x = ;")
        assert caught.value.line_number == 1
        assert _load(text("double"), "y").path.startswith(os.fspath(cache))
    finally:
        signal.signal(signal.SIGCHLD, old)
    assert not recwarn.list


def test_a_missing_compiler_says_how_to_get_one(text, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere:.")
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(BuildError, match=r"cc, gcc and clang(.|\n)*(apt install|xcode-select)"):
        _load(text("double"))
    monkeypatch.setenv("CGRAD_CC", "no-such-compiler")
    with pytest.raises(BuildError, match=r"'no-such-compiler'(.|\n)*CGRAD_CC"):
        _load(text("double"))


def test_a_relative_compiler_is_not_run(text, monkeypatch, tmp_path, compiler):
    made = compiler()
    monkeypatch.chdir(tmp_path)
    for setting in ("./cc", "cc"):
        monkeypatch.setenv("PATH", ".")
        monkeypatch.setenv("CGRAD_CC", setting)
        with pytest.raises(BuildError, match="no C compiler"):
            _load(text("double"))
    assert made.calls() == 0


def test_a_compiler_that_cannot_be_started(text, compiler):
    made = compiler()
    made.path.write_text("#!/no/such/interpreter\n")
    with pytest.raises(BuildError, match="cannot be started"):
        _load(text("double"))


def test_a_compiler_killed_halfway(text, compiler):
    made = compiler("printf 'half a library' > output; kill -9 $$")
    with pytest.raises(BuildError, match="killed by signal 9"):
        _load(text("double"))
    made.path.write_text(made.path.read_text().replace("kill", 'exec cc "$@" # kill'))
    assert _load(text("double")).origin == "built"


def test_a_compiler_that_writes_nonsense(text, compiler):
    made = compiler()
    _load(text("double"))  # builds the glue
    made.path.write_text("#!/bin/sh\nprintf nonsense > output\n")
    with pytest.raises(BuildError, match="cannot be loaded"), pytest.warns(CgradWarning):
        _load(text("triple"), "y")
    made.path.write_text(made.path.read_text().replace("printf", 'exec cc "$@" #'))
    os.utime(made.path, (1, 1))
    assert _load(text("triple"), "y").origin == "built"


def test_a_compiler_that_takes_too_long_is_stopped(text, compiler, monkeypatch, tmp_path):
    compiler(f"sleep 33 & echo $! > {tmp_path}/pid; wait")
    monkeypatch.setenv("CGRAD_COMPILE_TIMEOUT", "1")
    with pytest.raises(BuildError, match="stopped after 1 s"):
        _load(text("double"))
    _wait_gone(int((tmp_path / "pid").read_text()))


def test_an_interrupt_stops_the_compiler(child, compiler, tmp_path):
    made = compiler(f"sleep 33 & echo $! > {tmp_path}/pid; wait")
    process = child(
        "from hand_written import load\n"
        "try:\n    load('double')\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    )
    pid = tmp_path / "pid"
    # a busy machine may take long to get there
    while process.poll() is None and not (pid.exists() and pid.read_text().strip()):
        time.sleep(0.01)
    process.send_signal(2)
    out, err = process.communicate(timeout=60)
    assert out == "interrupted\n", err
    assert made.calls() == 1
    _wait_gone(int(pid.read_text()))


def test_an_interrupt_while_the_compiler_is_looked_at(compiler, tmp_path):
    """One that comes between a wait and its note, at every place where Python answers signals."""
    compiler("sleep 33")
    for place in range(1, 40):
        workdir = tmp_path / str(place)
        workdir.mkdir()
        compilation = Compilation([str(tmp_path / "cc")], "a.c", "", str(workdir))
        seen = 0

        def interrupt(frame, event, argument, place=place):
            nonlocal seen
            while frame and frame.f_code is not Compilation._wait.__code__:
                frame = frame.f_back
            seen += frame is not None
            if seen == place:
                sys.setprofile(None)
                raise KeyboardInterrupt

        sys.setprofile(interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):
                compilation.finish()
        finally:
            sys.setprofile(None)
        _wait_gone(compilation._process.pid)


def test_an_interrupt_while_the_compiler_is_started(compiler, tmp_path, monkeypatch):
    compiler("sleep 33")
    start = Compilation._start
    started = []

    def interrupted(self, log, workdir):
        started.append(start(self, log, workdir))
        signal.raise_signal(signal.SIGINT)
        return started[0]

    monkeypatch.setattr(Compilation, "_start", interrupted)
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        Compilation([str(tmp_path / "cc")], "a.c", "", str(tmp_path))
    _wait_gone(started[0].pid)


def _wait_gone(pid):
    for _ in range(200):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
        ).stdout.strip()
        if not state or state.startswith("Z"):
            return
        time.sleep(0.01)
    pytest.fail("the compiler was left running")


def test_nothing_in_the_environment_steers_the_compiler(text, compiler, monkeypatch, tmp_path):
    evil = tmp_path / "include"
    evil.mkdir()
    (evil / "math.h").write_text("#error steered\n")
    for name in ("CPATH", "C_INCLUDE_PATH"):
        monkeypatch.setenv(name, str(evil))
    monkeypatch.setenv("GCC_EXEC_PREFIX", str(evil))
    assert _load(text("double").replace("#include", "#include <math.h>\n#include", 1))


def test_flags(text, compiler, monkeypatch):
    made = compiler()
    monkeypatch.setenv("CGRAD_CFLAGS", "-DEXTRA=1")
    _load(text("double"))
    line = next(line for line in made.log.read_text().splitlines() if "kernel.c" in line)
    for flag in ("-ffp-contract=off", "-fwrapv", "-fvisibility=hidden", "-DEXTRA=1"):
        assert flag in line.split()
    assert "fast-math" not in line
    monkeypatch.setenv("CGRAD_CFLAGS", "-ffast-math")
    with pytest.raises(ConfigError, match="-ffast-math"):
        _load(text("double"))


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs readelf")
def test_libraries_are_hardened(text):
    path = _load(text("double")).path
    headers = subprocess.run(["readelf", "-ldW", path], capture_output=True, text=True).stdout
    assert "RPATH" not in headers and "RUNPATH" not in headers
    assert "NOW" in headers and "GNU_RELRO" in headers
    (stack,) = [line for line in headers.splitlines() if "GNU_STACK" in line]
    assert "RWE" not in stack


@pytest.mark.skipif(sys.platform != "linux", reason="reads ELF")
def test_only_the_interface_is_exported(text):
    path = _load(text("double")).path
    symbols = subprocess.run(["nm", "-D", "--defined-only", path], capture_output=True, text=True)
    names = {line.split()[-1] for line in symbols.stdout.splitlines()}
    assert names == {"cg_sizes", "cg_work", "cg_entry", "PyInit__cgrad_kernel"}


def test_levels_of_the_cpu(monkeypatch):
    features = dict.fromkeys(["SSE3", "SSSE3", "SSE41", "SSE42", "POPCNT"], True)
    monkeypatch.setattr(toolchain, "_cpu_features", lambda: features)
    assert toolchain.cpu_level() == 1
    features.update(AVX=True, AVX2=True, FMA3=True)
    assert toolchain.cpu_level() == 1
    features.update(F16C=True)
    assert toolchain.cpu_level() == 2
    assert "-mavx2" in toolchain.level_flags(2) and "-msse4.2" in toolchain.level_flags(2)
    monkeypatch.setattr(toolchain, "_cpu_features", dict)
    assert toolchain.cpu_level() == 0
    assert toolchain.level_flags(0) == ()


@pytest.mark.parametrize("level", range(4))
def test_the_compiler_knows_every_level(level, tmp_path):
    (tmp_path / "x.c").write_text("int x;")
    command = ["cc", "-c", *toolchain.level_flags(level), "-o", "x.o", "x.c"]
    if os.uname().machine in ("x86_64", "AMD64"):
        subprocess.run(command, cwd=tmp_path, check=True)


def test_each_compiler_gets_the_flags_it_knows(tmp_path):
    gcc = toolchain.Compiler(("/usr/bin/x86_64-linux-gnu-gcc-12",), "")
    clang = toolchain.Compiler(("/usr/lib/llvm-14/bin/clang",), "")
    assert set(toolchain.kernel_flags(gcc)) > set(toolchain.kernel_flags(clang))
    assert not [flag for flag in toolchain.kernel_flags(clang) if "param" in flag]
    # the name of a link says nothing, that of the program does
    program, link = tmp_path / "clang-14", tmp_path / "cc"
    program.touch()
    link.symlink_to(program)
    assert toolchain.is_clang(toolchain.Compiler((str(link),), ""))


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_both_compilers_take_the_flags_of_a_lower_level(name, tmp_path, monkeypatch):
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name}")
    (tmp_path / "x.c").write_text("int one(void) { return 1; }\n")
    monkeypatch.setenv("CGRAD_CFLAGS", "-O1")
    flags = toolchain.user_flags()
    subprocess.run([name, "-Werror", "-c", *flags, "-o", "x.o", "x.c"], cwd=tmp_path, check=True)
