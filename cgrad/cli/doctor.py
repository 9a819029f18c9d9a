"""`cgrad doctor`: is everything there, and if not, how to get it."""

from __future__ import annotations

import argparse
import difflib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy

from cgrad import config
from cgrad.cache import openblas, toolchain
from cgrad.cache.dispatcher import load_dispatcher
from cgrad.cache.fallback import PythonDispatcher
from cgrad.cache.store import Store, default_root
from cgrad.cli.output import DONE, FAILED, NO_COMPILER, Output, short, size_text
from cgrad.cli.parser import Commands, add_json
from cgrad.errors import CgradError, CgradWarning

EXAMPLES = """examples:
  cgrad doctor          a line for each thing looked at; problems with their fix
  cgrad doctor --json   the same for programs
"""
_PATIENCE = 60.0  # seconds for one run of the compiler; zig takes many the first time
_COLOUR = {"ok": "green", "note": "yellow", "problem": "red"}


class Finding(NamedTuple):
    """What was looked at: `state` is "ok", "note" (works, but worse) or "problem"."""

    name: str
    state: str
    detail: str
    fix: str = ""


def add(commands: Commands) -> None:
    """The parser of the command."""
    parser = commands.add(
        "doctor", "check the compiler, the libraries and the cache", EXAMPLES,
        description="Look at everything that compiling and running needs, and say how to mend "
        "what is wrong.",
    )  # fmt: skip
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> int:
    """Exit code 3 without a compiler, 1 with another problem."""
    found = list(findings())
    width = max(len(finding.name) for finding in found)
    for name, state, detail, fix in found:
        out.text(f"{out.paint(state.ljust(7), _COLOUR[state])}  {name.ljust(width)}  {detail}")
        if fix:
            out.text(f"{'':{width + 9}}  Fix: {fix}")
    problems = [finding.name for finding in found if finding.state == "problem"]
    out.text(
        f"{len(problems)} problem{'' if len(problems) == 1 else 's'}: {', '.join(problems)}"
        if problems
        else "everything that is needed is there"
    )
    out.result(findings=[finding._asdict() for finding in found], problems=len(problems))
    if "compiler" in problems:
        return NO_COMPILER
    return FAILED if problems else DONE


def findings() -> Iterator[Finding]:
    """Everything that is looked at, in the order in which it matters."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _settings, _python, _compiler, _blas, _threads, _cache, _call
    )  # fmt: skip
    broken = False
    for check in checks:
        if check is not _settings and broken:
            return
        for finding in check():
            broken = broken or (check is _settings and finding.state == "problem")
            yield finding


def _settings() -> Iterator[Finding]:
    chosen = []
    for switch in config.SWITCHES:
        try:
            switch.get()
        except CgradError as error:
            text = str(error).replace("\n", ". ")
            yield Finding("settings", "problem", text, f"unset {switch.variable}, or correct it")
            continue
        if config.environment().get(switch.variable):
            chosen.append(f"{switch.variable}={config.environment()[switch.variable]}")
    known = [switch.variable for switch in config.SWITCHES]
    for name in sorted(config.environment()):
        if name.startswith("CGRAD_") and name not in known:
            close = difflib.get_close_matches(name, known, 1)
            fix = f"unset it, or write {close[0]}" if close else f"there are {', '.join(known)}"
            yield Finding("settings", "note", f"{short(name)} is no setting: it does nothing", fix)
    yield Finding("settings", "ok", ", ".join(chosen) or "none of CGRAD_* is set")


def _python() -> Iterator[Finding]:
    yield Finding(
        "python", "ok", f"{platform.python_version()}, NumPy {numpy.__version__}, {sys.platform}"
    )
    if toolchain.python_include() is None:
        folder = sysconfig.get_path("include")
        yield Finding(
            "headers", "note", f"no Python.h in {folder}: calls are slower",
            "apt install python3-dev, dnf install python3-devel, or the like",
        )  # fmt: skip
    else:
        yield Finding("headers", "ok", f"{toolchain.python_include()}")


def _compiler() -> Iterator[Finding]:
    try:
        compiler = toolchain.find_compiler()
    except CgradError as error:
        yield Finding("compiler", "problem", str(error), "correct CGRAD_CC or CC")
        return
    if compiler is None:
        detail, _, fix = str(toolchain.missing_compiler()).partition("\n")
        yield Finding("compiler", "problem", detail, fix)
        return
    command = " ".join(compiler.words)
    code, text = _execute([*compiler.words, "--version"])
    first = text.splitlines()[0] if text.strip() else "no answer"
    if code != 0:
        yield Finding(
            "compiler", "problem", f"{command} --version failed: {first}",
            "install it again, or set CGRAD_CC to the absolute path of another",
        )  # fmt: skip
        return
    yield Finding("compiler", "ok", f"{command}: {first}")
    level = toolchain.cpu_level()
    flags = (
        *toolchain.kernel_flags(compiler),
        *toolchain.level_flags(level),
        *toolchain.user_flags(),
    )
    yield _try(
        "flags", [*compiler.words, *flags], f"{toolchain.level_name(level)} vector instructions",
        "use gcc 9 or clang 10 or newer; if CGRAD_CFLAGS is set, look there",
        "int f(int x); int f(int x) { return x + 1; }\n", toolchain.link_flags(),
    )  # fmt: skip
    # math="fast" is all that wants it
    yield _try(
        "libmvec", [*compiler.words, "-std=c11"], 'math="fast" uses vectors',
        'none is needed; math="fast" calls the C library one element at a time', _LIBMVEC,
        ("-lmvec", "-lm"), "note",
    )  # fmt: skip
    if toolchain.is_clang(compiler):
        yield Finding(
            "openmp", "note", "with clang functions use one thread", "use gcc (CGRAD_CC=gcc)"
        )
    else:
        yield _try(
            "openmp", [*compiler.words, "-fopenmp"], "loops can be shared out among threads",
            "install libgomp (apt install libgomp1)", "int main(void) { return 0; }\n", (), "note",
        )  # fmt: skip


_LIBMVEC = """#if !defined(__x86_64__) || !defined(__GLIBC__) && !defined(__linux__)
#error no libmvec
#endif
typedef double pair __attribute__((vector_size(16)));
pair _ZGVbN2v_exp(pair x);
int main(void) { pair x = {0, 0}; return _ZGVbN2v_exp(x)[0] != 1; }
"""


def _try(
    name: str, command: list[str], works: str, fix: str, text: str, last: tuple[str, ...],
    otherwise: str = "problem",
) -> Finding:  # fmt: skip
    """Whether a small program compiles."""
    with tempfile.TemporaryDirectory(prefix="cgrad-") as folder:
        source = os.path.join(folder, "try.c")
        with open(source, "w", encoding="ascii") as file:
            file.write(text)
        code, said = _execute([*command, source, "-o", os.path.join(folder, "try"), *last])
    if code == 0:
        return Finding(name, "ok", works)
    lines = [line for line in said.splitlines() if "error" in line] or said.splitlines() or ["?"]
    return Finding(name, otherwise, lines[0].replace(source, "try.c"), fix)


def _execute(command: list[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=_PATIENCE, text=True, errors="replace", env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 1, f"no answer in {_PATIENCE:g} s"
    except OSError as error:
        return 1, str(error)
    return done.returncode, done.stdout


def _blas() -> Iterator[Finding]:
    path = openblas.library_path()
    if path is None:
        yield Finding(
            "blas", "note", "scipy-openblas64 is not installed: large products of matrices are "
            "slow, svd, qr and eigh do not work", "pip install scipy-openblas64",
        )  # fmt: skip
    else:
        yield Finding("blas", "ok", path)


def _threads() -> Iterator[Finding]:
    chosen, cpus = config.num_threads.get(), os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    if chosen > cpus:
        yield Finding(
            "threads", "note", f"CGRAD_NUM_THREADS is {chosen}, this process has {cpus} CPUs",
            f"CGRAD_NUM_THREADS={cpus}",
        )  # fmt: skip
    else:
        yield Finding("threads", "ok", f"{chosen} of {cpus} CPUs (CGRAD_NUM_THREADS)")


def _cache() -> Iterator[Finding]:
    root, mode = default_root(), config.cache_mode.get()
    if mode == "off":
        yield Finding("cache", "note", "CGRAD_CACHE=off: each process compiles anew", "unset it")
    elif not root:
        yield Finding("cache", "problem", "there is no directory", "set HOME or CGRAD_CACHE_DIR")
    else:
        yield _directory(Store(root, writable=mode == "rw"), "cache", "CGRAD_CACHE_DIR")
    for base in config.cache_base.get():
        store = Store(os.path.realpath(base), writable=False, shared=True)
        if os.path.isdir(store.base):
            yield _directory(store, "base", "CGRAD_CACHE_BASE")
        else:
            yield Finding(
                "base", "problem", f"{base} holds no kernels",
                "correct CGRAD_CACHE_BASE, or fill it: cgrad compile MODULE -o DIR",
            )  # fmt: skip
    if config.offline.get():
        yield Finding("offline", "note", "CGRAD_OFFLINE=1: nothing is compiled", "unset it")


def _directory(store: Store, name: str, variable: str) -> Finding:
    try:
        store.check()
        if store.writable:
            os.rmdir(store.make_workdir())
            free = shutil.disk_usage(store.root).free
            if free < 100 << 20:
                return Finding(
                    name, "note", f"{store.root}: {size_text(free)} left on the disk",
                    f"cgrad cache prune --max-size 100M, or set {variable} to another disk",
                )  # fmt: skip
    except OSError as error:
        return Finding(
            name, "problem", str(error), f"correct its rights, or set {variable} to another place"
        )
    return Finding(name, "ok", store.root)


def _call() -> Iterator[Finding]:
    """Whether calls go through the compiled dispatcher."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CgradWarning)  # it is told below
            compiled = load_dispatcher() is not PythonDispatcher
    except CgradError as error:
        yield Finding("calls", "problem", str(error).replace("\n", " "), "see above")
        return
    if compiled:
        yield Finding("calls", "ok", "through the compiled dispatcher")
    else:
        yield Finding("calls", "note", "through Python, more slowly", "see above")
