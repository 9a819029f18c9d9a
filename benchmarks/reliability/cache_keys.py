"""Each part of what a kernel is made from changes alone: it must not be found again.

And what must not matter, changed alone, must not make a new one. Every change is made in a new
process that shares the cache with one where nothing was changed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.reliability import subjects
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.forks import Answer, fork
from benchmarks.reliability.plan import Plan, Result

Change = Callable[[], Any]


def run(plan: Plan) -> Result:
    subjects.prepare("cgrad")
    result = Result()
    compiler = Compiler(plan.folder / "compiler", remembers=True)
    cache = plan.folder / "keys"
    plain = _graph()
    first = _use(plan, cache, compiler, plain)
    if not first.value:
        result.fail(f"a process {first.summary}")
        return result
    for name, change, graph in _matters(compiler)[:: plan.size(4, 1)]:
        answer = _use(plan, cache, compiler, graph or plain, change)
        result.add("changes that matter")
        built = bool(answer.value) and answer.value[0] == "built"
        result.expect(built, f"{name}: a process {answer.summary}")
    os.utime(compiler.path, ns=compiler.times)
    for name, change in _does_not(plan, cache)[:: plan.size(4, 1)]:
        answer = _use(plan, cache, compiler, plain, change)
        result.add("changes that do not")
        found = answer.value and answer.value == ["disk", first.value[1]]
        result.expect(bool(found), f"{name}: a process {answer.summary}")
    return result


def _use(
    plan: Plan,
    cache: Path,
    compiler: Compiler,
    graph: Callable[[], Any],
    change: Change | None = None,
) -> Answer:
    def before() -> None:
        subjects.place_cache("cgrad", cache)
        if change is not None:
            change()

    def task() -> list[str]:
        kernel = graph()._kernel
        return [kernel.origin, kernel.key]

    return fork(plan.folder, task, compiler.environment(), before).wait()


def _graph(
    constant: Any = 0.0,
    dtype: str = "float64",
    shape: tuple[int | None, ...] = (None,),
    swapped: bool = False,
    scale: float = 1.5,
) -> Callable[[], Any]:
    """What makes a function of two arrays; each argument is part of the graph."""

    def make() -> Any:
        import cgrad
        import cgrad.tensor as ct

        x = ct.tensor("x", dtype=dtype, shape=shape)
        y = ct.tensor("y", dtype=dtype, shape=shape)
        total = (x * scale - y).sum()
        return cgrad.function([y, x] if swapped else [x, y], [total, ct.maximum(x, constant) / y])

    return make


def _matters(compiler: Compiler) -> list[tuple[str, Change | None, Callable[[], Any] | None]]:
    def set_variable(name: str, value: str) -> Change:
        return lambda: os.environ.__setitem__(name, value)

    def patch(module: str, name: str, value: Any) -> Change:
        def change() -> None:
            import importlib

            setattr(importlib.import_module(module), name, value)

        return change

    def call_patch(module: str, name: str, value: Any) -> Change:
        return patch(module, name, lambda *arguments: value)

    other = compiler.path.with_name("other-cc")
    shutil.copy2(compiler.path, other)
    later = compiler.path.stat().st_mtime_ns + 1
    longer = compiler.path.with_name("longer-cc")
    longer.write_text(compiler.path.read_text() + "\n")
    longer.chmod(0o755)
    key, chain = "cgrad.cache.key", "cgrad.cache.toolchain"
    return [
        ("time of the compiler", lambda: os.utime(compiler.path, ns=(later, later)), None),
        ("path of the compiler", set_variable("CGRAD_CC", str(other)), None),
        ("a byte of the compiler", set_variable("CGRAD_CC", str(longer)), None),
        ("options of the compiler", set_variable("CGRAD_CC", f"{compiler.path} -DA"), None),
        ("CGRAD_CFLAGS", set_variable("CGRAD_CFLAGS", "-DB"), None),
        ("order of options", set_variable("CGRAD_CFLAGS", "-DB -DC"), None),
        ("level of the CPU", call_patch(chain, "cpu_level", 0), None),
        ("version of cgrad", patch(key, "_stamp", "0" * 64), _graph(scale=1.25)),
        ("version of Python", call_patch(chain, "python_tag", "cpython-399 linux 64"), None),
        ("version of the kernel interface", patch("cgrad.cache.obtain", "ABI_VERSION", "0"), None),
        ("a constant", None, _graph(scale=1.5000000000000002)),
        ("the sign of a zero", None, _graph(constant=-0.0)),
        ("an infinite constant", None, _graph(constant=float("inf"))),
        ("a constant that is nan", None, _graph(constant=float("nan"))),
        ("dtype", None, _graph(dtype="float32")),
        ("rank", None, _graph(shape=(None, None))),
        ("a known length", None, _graph(shape=(7,))),
        ("another known length", None, _graph(shape=(8,))),
        ("order of arguments", None, _graph(swapped=True)),
    ]


def _does_not(plan: Plan, cache: Path) -> list[tuple[str, Change]]:
    def set_variable(name: str, value: str) -> Change:
        return lambda: os.environ.__setitem__(name, value)

    def reverse_environment() -> None:
        items = list(os.environ.items())
        os.environ.clear()
        os.environ.update(reversed(items))

    def move() -> None:
        moved = plan.folder / "moved"
        shutil.copytree(cache, moved)
        os.environ["CGRAD_CACHE_DIR"] = str(moved)

    def age() -> None:
        for path in cache.rglob("*"):
            if path.is_file() and "lock" not in path.parts:
                os.utime(path, (1e9, 1e9))

    def make_others_first() -> None:
        import cgrad.tensor as ct

        for number in range(100):
            ct.dvector(f"other{number}") + number

    return [
        ("working directory", lambda: os.chdir("/")),
        ("umask", lambda: os.umask(0o077) and None),
        ("order of the environment", reverse_environment),
        ("place of the cache", move),
        ("times of the files", age),
        ("graphs made before", make_others_first),
        *(
            (name, set_variable(name, value))
            for name, value in (
                ("LC_ALL", "de_DE.UTF-8"), ("HOME", "/"), ("TZ", "Asia/Tokyo"),
                ("CPATH", "/x"), ("C_INCLUDE_PATH", "/x"), ("LIBRARY_PATH", "/x"),
                ("COMPILER_PATH", "/x"), ("GCC_EXEC_PREFIX", "/x/"),
                ("SOURCE_DATE_EPOCH", "1"), ("CFLAGS", "-O0"), ("LDFLAGS", "-static"),
                ("CGRAD_DEBUG", "0"), ("CGRAD_CACHE_SIZE", "1G"),
                ("CGRAD_COMPILE_TIMEOUT", "77"), ("OMP_NUM_THREADS", "3"),
            )
        ),
    ]  # fmt: skip
