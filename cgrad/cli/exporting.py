"""`cgrad export`: a function as C files that stand alone."""

from __future__ import annotations

import argparse
import os
from typing import Any

import numpy as np

from cgrad.cli import targets
from cgrad.cli.output import DONE, Output, UsageError, WorkFailed, short
from cgrad.cli.parser import Commands, add_json

EXAMPLES = """examples:
  cgrad export models:loss -o out                  out/loss.c, loss.h, loss_test.c
  cgrad export models:loss -o out --name objective --cmake
  cc -O2 out/loss.c out/loss_test.c -lm -o check && ./check
"""


def add(commands: Commands) -> None:
    """The parser of the command."""
    parser = commands.add(
        "export", "write a function as C that needs no Python", EXAMPLES,
        description="Write a function as C11: a source file, a header, and a program that tests "
        "it with values computed now. They compile as C++ too, need libm only (and LAPACK for "
        "eigh, svd and qr), allocate nothing and keep nothing between calls.",
    )  # fmt: skip
    parser.add_argument("target", metavar="MODULE:NAME", help=targets.WHAT)
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="where to write")
    parser.add_argument("--name", metavar="NAME", help="of the C function and the files")
    parser.add_argument(
        "--cmake", action="store_true", help="write CMakeLists.txt and a pkg-config file too"
    )
    add_example(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def add_example(parser: argparse.ArgumentParser) -> None:
    """The option --example."""
    parser.add_argument(
        "--example", metavar="FILE.npz",
        help="arguments to use, arrays by the names of inputs; made up by default",
    )  # fmt: skip


def example(path: str | None) -> dict[str, Any] | None:
    """The arrays of a file of the option --example."""
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, AttributeError, EOFError) as error:
        raise UsageError(f"--example {short(path)!r} is no .npz file: {error}") from error


def cannot_write(path: str, error: Exception) -> WorkFailed:
    """The error that says so, and why."""
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return WorkFailed(f"{short(path)!r} cannot be written: {why}. Fix: choose another -o")


def run(args: argparse.Namespace, out: Output) -> int:
    """Write the files and say which."""
    f = targets.one(args.target)
    if "\0" in args.output or (os.path.exists(args.output) and not os.path.isdir(args.output)):
        raise UsageError(f"-o {short(args.output)!r} is not a directory")
    try:
        paths = f.export(args.output, args.name, cmake=args.cmake, example=example(args.example))
    except OSError as error:
        raise cannot_write(args.output, error) from error
    except (ValueError, TypeError) as error:
        raise WorkFailed(str(error)) from error
    for path in paths:
        out.text(path)
    out.result(files=paths, name=os.path.basename(paths[0])[:-2])
    return DONE
