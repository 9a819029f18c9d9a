"""Every system call of a process that touches the cache fails in turn, or kills the process.

strace attaches to a process that is about to use the cache and has the k-th call of a name fail
with one error, or end it by SIGKILL: for every k, name and error, where an entry is found, built
into a warm or an empty cache, built while others are evicted, and healed. The answer is right
with at most one warning of it, and the next process has nothing to say of it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability import subjects
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.forks import Answer, fork
from benchmarks.reliability.plan import Plan, Result

_ERRORS = ("ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT", "ESTALE", "EINTR")
_KILL = "SIGKILL"
_NAME = re.compile(r"^(\w+)\(")


@dataclass
class Way:
    """A way through the cache: what is there before, and what the process asks for."""

    name: str
    numbers: range
    prepare: Callable[[Path], None]
    variables: Mapping[str, str]
    damaged: bool = False  # by a bit, so that a process has this to say once


def run(plan: Plan) -> Result:
    result = Result()
    if shutil.which("strace") is None:
        result.skipped = "strace is not installed"
        return result
    subjects.prepare("cgrad")
    compiler = Compiler(plan.folder / "compiler", remembers=True)
    bench = _Bench(plan, compiler)
    if not bench.attaches():
        result.skipped = "strace may not attach to processes here"
        return result
    for way in _ways(plan, bench)[:: plan.size(2, 1)]:
        points = bench.points(way)
        trials = [(name, number, how) for name, number in points for how in (_KILL, *_ERRORS)]
        chosen = plan.share(trials, 1)
        result.add(f"faults when {way.name}", len(chosen))
        for name, number, how in chosen:
            _try(bench, way, name, number, how, result)
    return result


def _ways(plan: Plan, bench: _Bench) -> list[Way]:
    warm = plan.folder / "warm"
    bench.use(warm, range(1), {})

    def copy(cache: Path) -> None:
        shutil.copytree(warm, cache)

    def damage(cache: Path) -> None:
        copy(cache)
        path = min(cache.glob("v1/??/*.so"), key=lambda path: path.stat().st_size)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.unlink()
        path.write_bytes(data)
        path.chmod(0o500)

    largest = max(path.stat().st_size for path in warm.glob("v1/??/*"))
    small = {"CGRAD_CACHE_SIZE": str(largest + 20_000)}
    return [
        Way("found", range(1), copy, {}),
        Way("built", range(1, 2), copy, {}),
        Way("built first", range(1), lambda cache: None, {}),
        Way("evicting", range(1, 2), copy, small),
        Way("healed", range(1), damage, {}, damaged=True),
    ]


def _try(bench: _Bench, way: Way, name: str, number: int, how: str, result: Result) -> None:
    where = f"{way.name}, {how} at {name} {number}"
    fault = f"signal={how}" if how == _KILL else f"error={how}"
    answer, log = bench.traced(way, f"{name}:{fault}:when={number}")
    right = {str(i): subjects.expected(i) for i in way.numbers}
    if how == _KILL:
        if answer.signal != signal.SIGKILL:
            result.add("faults that came too late")
    else:
        hit = [line for line in log if "(INJECTED)" in line]
        if not any(os.fspath(bench.cache) in line for line in hit):
            result.add("faults that hit elsewhere")
        if answer.value is None or answer.signal or answer.error:
            result.fail(f"{where}: a process {answer.summary}; {hit[:1]}")
        elif answer.value != right:
            result.mistake(f"{where}: a process {answer.summary}")
        else:
            result.expect(
                len(answer.warnings) <= 1 + way.damaged, f"{where}: a process {answer.summary}"
            )
    after = bench.use(bench.cache, way.numbers, way.variables)
    if way.damaged and len(after.warnings) == 1 and "wrong checksum" in after.warnings[0]:
        # the fault came before the damage was seen; now it is healed
        after = bench.use(bench.cache, way.numbers, way.variables)
    if after.value != right or after.warnings or after.error:
        result.fail(f"{where}: the next process {after.summary}")


class _Bench:
    """Where processes are traced."""

    def __init__(self, plan: Plan, compiler: Compiler) -> None:
        self.folder = plan.folder
        self.cache = plan.folder / "traced"
        self.compiler = compiler

    def attaches(self) -> bool:
        way = Way("nothing", range(0), lambda cache: None, {})
        self.cache.mkdir()
        answer, _ = self.traced(way, "")
        return not answer.error and answer.signal == 0

    def points(self, way: Way) -> list[tuple[str, int]]:
        """The calls that touch the cache: the name, and how many of that name came before, + 1."""
        seen: dict[str, int] = {}
        found = []
        _, log = self.traced(way, "")
        for line in log:
            if match := _NAME.match(line):
                name = match[1]
                seen[name] = seen.get(name, 0) + 1
                if os.fspath(self.cache) in line:
                    found.append((name, seen[name]))
        return found

    def use(self, cache: Path, numbers: range, variables: Mapping[str, str]) -> Answer:
        def before() -> None:
            subjects.place_cache("cgrad", cache)

        given = {**self.compiler.environment(), **variables}
        return fork(self.folder, lambda: subjects.use("cgrad", numbers), given, before).wait()

    def traced(self, way: Way, fault: str) -> tuple[Answer, list[str]]:
        """What a process answers that has a fault injected, and the calls it made."""
        shutil.rmtree(self.cache, ignore_errors=True)
        way.prepare(self.cache)
        log = self.folder / "trace"
        log.unlink(missing_ok=True)

        def before() -> None:
            subjects.place_cache("cgrad", self.cache)
            os.kill(os.getpid(), signal.SIGSTOP)

        given = {**self.compiler.environment(), **way.variables}
        task = lambda: subjects.use("cgrad", way.numbers)  # noqa: E731
        child = fork(self.folder, task, given, before)
        os.waitpid(child.pid, os.WUNTRACED)
        command = ["strace", "-y", "-s", "0", "-e", "trace=%file,%desc", "-o", str(log)]
        if fault:
            command += ["-e", f"inject={fault}"]
        tracer = subprocess.Popen(
            [*command, "-p", str(child.pid)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert tracer.stderr is not None
        tracer.stderr.readline()  # it is attached
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGCONT)
        answer = child.wait()
        tracer.communicate()
        return answer, log.read_text(errors="replace").splitlines() if log.exists() else []
