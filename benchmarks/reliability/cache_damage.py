"""Files of the cache are damaged: bits flipped, ends cut, filled, swapped, of another version.

Every kind of file gets its share: kernels, glue, the dispatcher, lookup records. All damage is
detected when the file is read. Of a part of it a new process makes use: none crashes, no value is
wrong, and afterwards the file is whole again (it was healed at first use) with one warning.
"""

from __future__ import annotations

import os
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks.reliability import subjects
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.forks import Answer, fork
from benchmarks.reliability.plan import Plan, Result

PEERS = ("pytensor", "numba", "jax")
_NUMBERS = range(2)
Damage = Callable[[bytes, random.Random], bytes]


def flip(data: bytes, rng: random.Random) -> bytes:
    """One bit is another."""
    changed = bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def fill(data: bytes, rng: random.Random) -> bytes:
    """A piece, or all, is zeros or noise."""
    start = rng.choice([0, rng.randrange(len(data))])
    end = rng.choice([len(data), rng.randrange(start, len(data)) + 1])
    if rng.random() < 0.5:
        return data[:start] + bytes(end - start) + data[end:]
    return data[:start] + rng.randbytes(end - start) + data[end:]


def run(plan: Plan) -> Result:
    from cgrad.cache.entry import Damaged, Record, unpack

    subjects.prepare("cgrad")
    result = Result()
    compiler = Compiler(plan.folder / "compiler", remembers=True)
    cache = plan.folder / "damaged"
    _warm("cgrad", plan, result, cache, compiler)
    files = _files(cache)
    rng = plan.random()

    def whole(path: Path) -> bool:
        key = path.name.partition(".")[0]
        try:
            if "lookup" in path.parts:
                Record.unpack(str(path), key, path.read_bytes())
            else:
                unpack(str(path), key, path.read_bytes())
        except (Damaged, OSError):
            return False
        return True

    _read_damaged(plan, result, cache, files)
    glue = {path.stem for path in files if path.suffix == ".o"}
    for turn, (what, path, data) in enumerate(_damages(plan, rng, files)):
        if data == path.read_bytes():
            continue  # nothing is damaged
        # The glue is used by what is built, so then there is something to build.
        linked = path.stem in glue or any(key.encode() in files[path] for key in glue)
        numbers = (*_NUMBERS, 100 + turn) if linked else _NUMBERS
        _rewrite(path, data)
        answer = _use("cgrad", plan, cache, compiler, numbers)
        result.add(f"{what} used")
        kind = "record" if "lookup" in path.parts else path.suffix
        where = f"{what} of {kind} {path.name[:8]}: a process {answer.summary}"
        if answer.value is None or answer.error or answer.signal:
            result.fail(where)
        elif not _right(answer, numbers):
            result.mistake(where)
        else:
            result.expect(len(answer.warnings) <= 1, where)
        result.expect(whole(path), f"{what} of {kind} {path.name[:8]}: not healed")
        for file, good in files.items():
            if not whole(file):
                _rewrite(file, good)
    result.notes.append(f"{len(files)} files")
    return result


def _read_damaged(plan: Plan, result: Result, cache: Path, files: dict[Path, bytes]) -> None:
    """What a reader makes of damaged files: nothing, and it removes them."""
    from cgrad.cache.store import Store

    store = Store(str(cache), writable=True)
    rng, paths = plan.random(1), list(files)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for what, damage, number in (
            ("bit flips", flip, plan.size(100, 10_000)),
            ("cuts", cut, plan.size(25, 1000)),
            ("fills", fill, plan.size(25, 1000)),
        ):
            for turn in range(number):
                path = paths[turn % len(paths)]
                good = files[path]
                data = damage(good, rng)
                if data == good:  # zeros filled with zeros
                    continue
                _rewrite(path, data)
                key = path.stem
                is_record = "lookup" in path.parts
                found = store.find_record(key) if is_record else store.find(key, path.suffix)
                result.add(f"{what} read")
                result.expect(found is None and not path.exists(), f"{what} of {path}: taken")
                _rewrite(path, good)


def _damages(
    plan: Plan, rng: random.Random, files: dict[Path, bytes]
) -> Iterator[tuple[str, Path, bytes]]:
    """What to do to which file, with its new content."""
    paths = list(files)
    for what, damage, number in (
        ("bit flips", flip, plan.count(4, 1000)),
        ("cuts", cut, plan.count(2, 200)),
        ("fills", fill, plan.count(2, 200)),
    ):
        for turn in range(number):
            path = paths[turn % len(paths)]
            yield what, path, damage(path.read_bytes(), rng)
    for path in paths[
        :: plan.size(4, 1)
    ]:  # the whole file of another key, and of a later version of the format
        alike = [
            other
            for other in paths
            if other != path
            and other.suffix == path.suffix
            and ("lookup" in other.parts) == ("lookup" in path.parts)
        ]
        for other in alike[: plan.size(1, 9)]:
            yield "swaps", path, other.read_bytes()
        yield "later versions", path, _later(path.read_bytes())


def _later(data: bytes) -> bytes:
    """The same in a version of the format that is not known yet, with a right checksum."""
    from cgrad.cache.entry import _FOOTER, _MAGIC, _RECORD_TITLE, _SCHEMA
    from cgrad.hashing import digest

    if data.startswith(_RECORD_TITLE.encode()):
        body = data[:-65].replace(_RECORD_TITLE.encode(), b"cgrad lookup 99", 1)
        return body + digest(body).hex().encode() + b"\n"
    start = len(data) - _FOOTER.size
    magic, schema, *rest = _FOOTER.unpack_from(data, start)
    assert (magic, schema) == (_MAGIC, _SCHEMA)
    body = data[:start] + _FOOTER.pack(magic, 99, *rest)[:-32]
    return body + digest(body)


def run_peer(plan: Plan, peer: str) -> Result:
    """One file of the peer's cache is damaged; a new process uses it, then another one."""
    subjects.prepare(peer)
    result = Result()
    compiler = Compiler(plan.folder / "compiler", language="c++")
    master, cache = plan.folder / "master", plan.folder / "damaged"
    _warm(peer, plan, result, cache, compiler)
    shutil.copytree(cache, master)
    rng = plan.random()
    counts: Counter[str] = Counter()
    files = [path for path in _files(cache) if path.stat().st_size]
    for what, damage, number in (
        ("bit flips", flip, plan.count(3, 100)),
        ("cuts", cut, plan.count(2, 50)),
        ("fills", fill, plan.count(2, 50)),
    ):
        for _ in range(number):
            path = rng.choice(files)
            _rewrite(path, damage(path.read_bytes(), rng))
            answer = _use(peer, plan, cache, compiler)
            result.add(what)
            where = f"{what} of {path.name[-40:]}: a process {answer.summary}"
            if answer.signal or answer.error or answer.value is None:
                result.fail(where)
                counts["killed by a signal" if answer.signal else "exceptions"] += 1
            elif not _right(answer):
                result.mistake(where)
            again = _use(peer, plan, cache, compiler)
            if again.signal or again.error or again.warnings or not _right(again):
                counts["not clean in the next process either"] += 1
            shutil.rmtree(cache)
            shutil.copytree(master, cache)
    result.notes += [f"{number} {what}" for what, number in counts.items()]
    return result


def _warm(tool: str, plan: Plan, result: Result, cache: Path, compiler: Compiler) -> None:
    answer = _use(tool, plan, cache, compiler)
    result.expect(_right(answer), f"the cache could not be filled: a process {answer.summary}")


def _use(
    tool: str, plan: Plan, cache: Path, compiler: Compiler, numbers: Iterable[int] = _NUMBERS
) -> Answer:
    def before() -> None:
        subjects.place_cache(tool, cache, compiler.path)

    task = fork(
        plan.folder,
        lambda: subjects.use(tool, numbers),
        compiler.environment(),
        before,
    )
    return task.wait()


def _right(answer: Answer, numbers: Iterable[int] = _NUMBERS) -> bool:
    return bool(answer.value == {str(i): subjects.expected(i) for i in numbers})


def _files(cache: Path) -> dict[Path, bytes]:
    """The files of a cache that hold something, and what."""
    found = sorted(path for path in cache.rglob("*") if path.is_file() and "lock" not in path.parts)
    return {path: path.read_bytes() for path in found}


def _rewrite(path: Path, data: bytes) -> None:
    """A new file in the place of the old one, with its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o500
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    os.chmod(path, mode)
