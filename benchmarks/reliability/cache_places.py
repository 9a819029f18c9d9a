"""Places that a cache cannot or must not be: full, read-only, missing, and those of others.

The answer is always right and at most one warning says what is the matter. What others could have
put into the cache is never loaded: a library that leaves a mark when it is opened lies there under
the right key with a right checksum. Where nothing is wrong with the place, the mark shows that the
library would have been opened.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.reliability import subjects
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.forks import Answer, fork
from benchmarks.reliability.plan import Plan, Result

_NOBODY = 65534
_NUMBERS = range(2)


def run(plan: Plan) -> Result:
    subjects.prepare("cgrad")
    result = Result()
    plan.folder.chmod(0o755)  # others get here: what protects is the cache's own business
    bench = _Bench(plan, result)
    bench.faults()
    bench.hostile()
    return result


class _Bench:
    def __init__(self, plan: Plan, result: Result) -> None:
        self.plan = plan
        self.result = result
        self.compiler = Compiler(plan.folder / "compiler", remembers=True)
        self.mark = plan.folder / "mark"
        self.warm = plan.folder / "warm"
        self.place = plan.folder / "place"
        self.use(self.warm)
        self.planted = _planted(self.warm, plan.folder, self.mark)

    # -- places that do not work ------------------------------------------------------------------

    def faults(self) -> None:
        """Full, read-only, not executable, missing, in the way."""
        disks = ("16k", "64k", "128k", "256k", "1M")
        for disk in disks[:: self.plan.size(3, 1)]:
            self._mounted(f"full at {disk}", f"size={disk}")
        self._mounted("read-only and empty", "size=4M", remount="ro")
        self._mounted("read-only and warm", "size=4M", remount="ro", warm=True)
        self._mounted("noexec and empty", "size=4M,noexec")
        self._mounted("noexec and warm", "size=4M,noexec", warm=True)
        for size in (30_000, 120_000, 400_000)[:: self.plan.size(3, 1)]:
            self._limited(size)
        self.place.write_text("")
        self.check("a file", self.use(self.place))
        self.place.unlink()
        self.check("below a file", self.use(Path("/dev/null/cache")))
        self.check("no home", self.use(None, HOME="/proc/none"))
        self.check("a relative home", self.use(None, HOME="none"))
        self.check("removed by a thread meanwhile", self.use(self.place, self._remover()))
        shutil.rmtree(self.place, ignore_errors=True)

    def _mounted(self, name: str, options: str, *, remount: str = "", warm: bool = False) -> None:
        with _mount(self.place, options) as mounted:
            if not mounted:
                self.result.add("places that could not be made")
                return
            cache = self.place / "cache"
            if warm:
                shutil.copytree(self.warm, cache)
            if remount:
                subprocess.run(["mount", "-o", f"remount,{remount}", self.place], check=True)
            answer = self.use(cache)
            self.check(name, answer)
            if warm and remount:
                self.result.expect(not answer.warnings, f"{name}: it {answer.summary}")

    def _limited(self, size: int) -> None:
        """A limit for every file of the process, also those of the compiler."""

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        answer = self.use(self.place, limit)
        shutil.rmtree(self.place, ignore_errors=True)
        self.result.add("places")
        name = f"files of at most {size} bytes"
        if answer.error:  # where no library can be written there is no answer
            told = (
                "cgrad.errors." in answer.error.splitlines()[-1] or "File too large" in answer.error
            )
            self.result.expect(size < 200_000 and told, f"{name}: it {answer.summary}")
        else:
            self.result.expect(_right(answer), f"{name}: it {answer.summary}")

    def _remover(self) -> Callable[[], None]:
        def start() -> None:
            def remove() -> None:
                while True:
                    shutil.rmtree(self.place, ignore_errors=True)
                    stop.wait(0.02)

            stop = threading.Event()
            threading.Thread(target=remove, daemon=True).start()

        return start

    # -- places of others -------------------------------------------------------------------------

    def hostile(self) -> None:
        """Directories and files that others own, can write to, or have put in the way."""
        self._plant("nothing wrong", lambda: None, opened=True)
        place, base = self.place, self.place / "v1"
        entry = base / self.planted[0]
        record = next(iter((self.warm / "v1" / "lookup").rglob("*/*"))).relative_to(self.warm)

        def link(path: Path) -> None:
            moved = self.plan.folder / f"moved-{path.name}"
            path.rename(moved)
            path.symlink_to(moved)

        def pipe(path: Path) -> None:
            path.unlink()
            os.mkfifo(path)

        def folder(path: Path) -> None:
            path.unlink()
            path.mkdir()

        def above() -> None:
            self.plan.folder.chmod(0o777)

        cases: list[tuple[str, Callable[[], object]]] = [
            ("a root anybody can write to", lambda: place.chmod(0o777)),
            ("a root its group can write to", lambda: place.chmod(0o775)),
            ("a root that is a link", lambda: link(place)),
            ("anybody can write above the root", above),
            ("v1 anybody can write to", lambda: base.chmod(0o777)),
            ("v1 that is a link", lambda: link(base)),
            ("an entry anybody can write to", lambda: entry.chmod(0o777)),
            ("an entry its group can write to", lambda: entry.chmod(0o570)),
            ("an entry that is a link", lambda: link(entry)),
            ("an entry that is a pipe", lambda: pipe(entry)),
            ("an entry that is a directory", lambda: folder(entry)),
            ("an entry that is another one", lambda: self._swap(entry)),
            ("a record that is a pipe", _both(partial(pipe, place / record), entry.unlink)),
            ("a record that is a directory", _both(partial(folder, place / record), entry.unlink)),
            ("locks that are a link", _both(partial(link, base / "lock"), entry.unlink)),
            ("builds that are a link", _both(partial(link, base / "tmp"), entry.unlink)),
            (
                "builds anybody can write to",
                _both(partial((base / "tmp").chmod, 0o777), entry.unlink),
            ),
        ]
        if os.geteuid() == 0:
            cases += [
                ("a root of somebody else", lambda: os.chown(place, _NOBODY, _NOBODY)),
                ("v1 of somebody else", lambda: os.chown(base, _NOBODY, _NOBODY)),
                ("an entry of somebody else", lambda: os.chown(entry, _NOBODY, _NOBODY)),
            ]
        for name, change in cases[:: self.plan.size(3, 1)]:
            self._plant(name, change)

    def _swap(self, entry: Path) -> None:
        """A hard link to the entry of another key."""
        others = (self.place / "v1").glob("??/*.so")
        other = min(
            (path for path in others if path != entry), key=lambda path: path.stat().st_size
        )
        entry.unlink()
        os.link(other, entry)

    def _plant(self, name: str, change: Callable[[], object], *, opened: bool = False) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.warm, self.place)
        self.mark.unlink(missing_ok=True)
        file, data = self.planted
        path = self.place / "v1" / file
        path.unlink()
        path.write_bytes(data)
        path.chmod(0o500)
        change()
        self.check(name, self.use(self.place))
        self.result.expect(self.mark.exists() == opened, f"{name}: the planted library was opened")
        self.plan.folder.chmod(0o755)
        for path in (self.place, *self.plan.folder.glob("moved-*")):
            if path.is_symlink() or path.is_file():
                path.unlink()
            else:
                shutil.rmtree(path, ignore_errors=True)

    # -- both -------------------------------------------------------------------------------------

    def use(
        self, cache: Path | None, before: Callable[[], None] | None = None, **variables: str
    ) -> Answer:
        def settle() -> None:
            if cache is not None:
                subjects.place_cache("cgrad", cache)
            else:
                os.environ.pop("CGRAD_CACHE_DIR", None)
            if before is not None:
                before()

        given = {**self.compiler.environment(), **variables}
        task = lambda: subjects.use("cgrad", _NUMBERS)  # noqa: E731
        return fork(self.plan.folder, task, given, settle).wait()

    def check(self, name: str, answer: Answer) -> None:
        """Count a place where one process was."""
        self.result.add("places")
        if answer.error or answer.value is None or answer.signal or len(answer.warnings) > 1:
            self.result.fail(f"{name}: a process {answer.summary}")
        elif not _right(answer):
            self.result.mistake(f"{name}: a process {answer.summary}")


def _both(first: Callable[[], object], second: Callable[[], object]) -> Callable[[], None]:
    def do() -> None:
        first()
        second()

    return do


def _right(answer: Answer) -> bool:
    return bool(answer.value == {str(i): subjects.expected(i) for i in _NUMBERS})


@contextmanager
def _mount(place: Path, options: str) -> Iterator[bool]:
    """A small file system in memory, if this user may mount one."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


def _planted(warm: Path, folder: Path, mark: Path) -> tuple[str, bytes]:
    """The name of the entry of a kernel, and one for its place that leaves a mark when opened.

    It computes the same, so only the mark tells.
    """
    from cgrad.cache.entry import pack, unpack

    source, library = folder / "mark.c", folder / "mark.so"
    source.write_text(
        "#include <fcntl.h>\n"
        f'__attribute__((constructor)) static void leave(void) {{ creat("{mark}", 0600); }}\n'
    )
    path = min(warm.glob("v1/??/*.so"), key=lambda path: path.stat().st_size)
    entry = unpack(str(path), path.stem, path.read_bytes())
    kernel = folder / "kernel.c"
    kernel.write_text(entry.source + source.read_text())
    glue = next(warm.glob("v1/??/*.o"))
    glue_entry = unpack(str(glue), glue.stem, glue.read_bytes())
    (folder / "glue.o").write_bytes(glue_entry.payload)
    command = [
        "cc",
        "-O1",
        "-shared",
        "-fPIC",
        "-w",
        "-o",
        library,
        kernel,
        folder / "glue.o",
        "-lm",
    ]
    subprocess.run([str(word) for word in command], check=True)
    data = pack(
        path.stem, entry.form, library.read_bytes(), entry.source.encode(), entry._description
    )
    return os.path.join(path.parent.name, path.name), data
