"""The entry point `cgrad`: the commands together, and what becomes of errors."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from cgrad.cli import (
    caching,
    checking,
    compiling,
    completing,
    doctor,
    exporting,
    profiling,
    showing,
)
from cgrad.cli.output import (
    FAILED,
    NO_COMPILER,
    USAGE,
    Output,
    UsageError,
    WorkFailed,
)
from cgrad.cli.parser import Commands, Parser
from cgrad.errors import CgradError, ConfigError, NoCompilerError

EXAMPLES = """examples:
  cgrad doctor                       is everything there to compile and run?
  cgrad compile models:loss          compile a function before it is needed
  cgrad export models:loss -o out    write a function as C that needs no Python
  cgrad show models:loss --c         look at the C file of a function
  cgrad cache info                   what the cache holds

exit codes: 0 done, 1 the work failed, 2 a mistake in the command line, 3 no C compiler
"""


def build_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="cgrad", epilog=EXAMPLES,
        description="Compile, inspect and export functions made with cgrad. "
        "`cgrad COMMAND --help` has the options and examples of each command.",
    )  # fmt: skip
    commands = Commands(parser, "command")
    for module in (compiling, exporting, showing, checking, profiling, caching, doctor):
        module.add(commands)
    completing.add(commands, parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as ending:  # --help, or a mistake that argparse has told
        return int(ending.code or 0)
    return _run(args, Output(_title(args), getattr(args, "json", False)))


def _title(args: argparse.Namespace) -> str:
    inner = getattr(args, "subcommand", None)
    return f"{args.command} {inner}" if inner else str(args.command)


def _run(args: argparse.Namespace, out: Output) -> int:
    try:
        code: int = args.run(args, out)
        sys.stdout.flush()
    except (UsageError, ConfigError) as error:
        out.error("usage", str(error))
        return USAGE
    except NoCompilerError as error:
        out.error("no compiler", str(error))
        return NO_COMPILER
    except (WorkFailed, CgradError, NotImplementedError) as error:
        out.error("failed", str(error))
        return FAILED
    except BrokenPipeError:  # the reader, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        out.error("failed", "interrupted")
        return 128 + signal.SIGINT
    return code
