"""`cgrad compile`: kernels before they are needed."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

from cgrad.cache.dispatcher import publish_dispatcher
from cgrad.cache.toolchain import find_compiler
from cgrad.cli import targets
from cgrad.cli.output import (
    DONE,
    FAILED,
    NO_COMPILER,
    Output,
    UsageError,
    WorkFailed,
    progress,
    short,
)
from cgrad.cli.parser import Commands, add_json
from cgrad.colouring import library
from cgrad.errors import CgradError, CgradWarning, NoCompilerError
from cgrad.pipeline import load

EXAMPLES = """examples:
  cgrad compile models                      everything marked with @cgrad.precompile
  cgrad compile models:loss models:step     two functions
  cgrad compile models -o /opt/app/kernels  into a directory, to be shipped; then
  CGRAD_CACHE_BASE=/opt/app/kernels CGRAD_OFFLINE=1 python app.py
"""


def add(commands: Commands) -> None:
    """The parser of the command."""
    parser = commands.add(
        "compile", "compile functions before they are needed", EXAMPLES,
        description="Compile functions into the cache, or into a directory that other machines "
        "search first (CGRAD_CACHE_BASE). A kernel serves the same version of cgrad and Python "
        "and every CPU with the vector instructions of this one.",
    )  # fmt: skip
    parser.add_argument("target", nargs="+", metavar="MODULE[:NAME]", help=targets.WHAT)
    parser.add_argument("-o", "--output", metavar="DIR", help="write to this directory")
    parser.add_argument(
        "-j", "--jobs", type=int, metavar="N", help="processes at once (default: one per CPU)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> int:
    """Compile, each target in a process of its own if there are several and -j is above 1."""
    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"-j is {args.jobs}, expected at least 1")
    with _cache_in(args.output), warnings.catch_warnings():
        # without a compiler nothing can be done here, which the rows say
        warnings.filterwarnings("ignore", "no C compiler was found", CgradWarning)
        wanted = list(dict.fromkeys(t for given in args.target for t in targets.expand(given)))
        jobs = min(len(wanted), args.jobs or os.cpu_count() or 1)
        start = time.monotonic()
        with progress(len(wanted)) as state:
            work = _in_processes(wanted, jobs) if jobs > 1 else _in_turn(wanted)
            by_target = {}
            for target, found in work:
                by_target[target] = found
                state.step(target)
        rows = [row for target in wanted for row in by_target[target]]
        failed = [row for row in rows if row["error"]]
        if not failed:
            publish_dispatcher()
    _report(rows, time.monotonic() - start, args.output, out)
    if any(row["error"] == "no compiler" for row in failed) and find_compiler() is None:
        return NO_COMPILER
    return FAILED if failed else DONE


def _report(rows: list[dict[str, Any]], seconds: float, folder: str | None, out: Output) -> None:
    told = ""
    for row in rows:
        if row["error"]:
            out.text(f"{out.paint('failed', 'red')}    {row['target']}")
            for line in row["message"].splitlines() if row["message"] != told else ["the same"]:
                out.text(f"    {line}")
            told = row["message"]
        else:
            built = row["origin"] == "built"
            how = out.paint("compiled", "green") if built else "present "
            took = f"{row['seconds']:7.2f} s" if built else " " * 9
            out.text(f"{how}  {took}  {row['key'][:12]}  {row['target']}")
    built = sum(row["origin"] == "built" for row in rows)
    failed = sum(bool(row["error"]) for row in rows)
    summary = f"{built} compiled, {len(rows) - built - failed} present"
    summary += f", {failed} failed" if failed else ""
    out.text(f"{summary}, {seconds:.1f} s{f', in {folder}' if folder else ''}")
    out.result(kernels=rows, seconds=round(seconds, 3), directory=folder)


def _in_turn(wanted: Sequence[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for target in wanted:
        yield target, _compile(target)


def _compile(target: str) -> list[dict[str, Any]]:
    """A row for each function of a target; an error of the user's code is one of the rows."""
    try:
        found = targets.functions(target)
    except NoCompilerError as error:
        return [_row(target, error="no compiler", message=str(error))]
    except WorkFailed as error:
        return [_row(target, error="failed", message=str(error))]
    rows = []
    for label, f in found:
        try:
            # again, into the present cache: the function may have been made before
            kernel = load(f.maker.program)
            if f._plan.conversion is not None and f._plan.conversion.coloured:
                library.publish()
        except NoCompilerError as error:
            rows.append(_row(label, error="no compiler", message=str(error)))
        except CgradError as error:
            rows.append(_row(label, error="failed", message=str(error)))
        else:
            first = f._kernel if f._kernel.path == kernel.path else kernel
            rows.append(
                _row(label, kernel.key, first.origin, round(first.build_seconds, 4), kernel.path)
            )
    return rows


def _row(
    target: str, key: str = "", origin: str = "", seconds: float = 0.0, path: str = "",
    error: str = "", message: str = "",
) -> dict[str, Any]:  # fmt: skip
    return {
        "target": target, "key": key, "origin": origin, "seconds": seconds, "path": path,
        "error": error, "message": message,
    }  # fmt: skip


def _in_processes(wanted: Sequence[str], jobs: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each target as it is done, from processes that compile one each."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    command = [sys.executable, "-m", "cgrad", "compile", "-j", "1", "--json", "--"]

    def compile_one(target: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            [*command, target], env=environment, text=True, errors="replace",
            stdin=subprocess.DEVNULL, capture_output=True,
        )  # fmt: skip
        return _rows_of(target, done.stdout, done.stderr)

    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(compile_one, target): target for target in wanted}
        for ready in as_completed(running):
            yield running[ready], ready.result()


def _rows_of(target: str, printed: str, complaint: str) -> list[dict[str, Any]]:
    """What a process reported on its last line; user code may print before."""
    try:
        answer = json.loads(printed.splitlines()[-1])
        if "error" in answer:
            kind = "no compiler" if answer["error"]["kind"] == "no compiler" else "failed"
            return [_row(target, error=kind, message=answer["error"]["message"])]
        rows: list[dict[str, Any]] = answer["kernels"]
    except (IndexError, ValueError, KeyError, TypeError):
        ending = short(" ".join(complaint.split()[-40:]), 400)
        return [_row(target, error="failed", message=f"its process ended early: {ending}")]
    return rows


@contextmanager
def _cache_in(folder: str | None) -> Iterator[None]:
    """With a directory, that is the whole cache: nothing of another one counts as present."""
    if folder is None:
        yield
        return
    kept = dict(os.environ)
    os.environ.update(CGRAD_CACHE_DIR=os.path.abspath(folder), CGRAD_CACHE="rw")
    os.environ.pop("CGRAD_CACHE_BASE", None)
    try:
        if "\0" in folder or (os.path.exists(folder) and not os.path.isdir(folder)):
            raise UsageError(f"{short(folder)!r} is not a directory")
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
