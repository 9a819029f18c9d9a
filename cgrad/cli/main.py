"""The entry point `cgrad`: the commands together, and what becomes of errors."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TextIO

from cgrad import config
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
    DONE,
    FAILED,
    NO_COMPILER,
    USAGE,
    Output,
    UsageError,
    WorkFailed,
)
from cgrad.cli.parser import Commands, Misused, Parser
from cgrad.errors import CgradError, CgradWarning, ConfigError, NoCompilerError
from cgrad.version import __version__

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
    parser.add_argument("--version", action="version", version=f"cgrad {__version__}")
    commands = Commands(parser, "command")
    for module in (compiling, exporting, showing, checking, profiling, caching, doctor):
        module.add(commands)
    completing.add(commands, parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    parser = build_parser()
    words = sys.argv[1:] if argv is None else argv
    try:
        args = parser.parse_args(words)
    except SystemExit:  # --help or --version
        return DONE
    except Misused as mistake:
        as_json = "--json" in words
        if not as_json:
            print(mistake.help, end="", file=sys.stderr)
        Output(mistake.command, as_json).error("usage", str(mistake))
        return USAGE
    out = Output(_title(args), getattr(args, "json", False))
    with warnings.catch_warnings():
        warnings.showwarning = _shown_by(out)
        return _run(args, out)


def _title(args: argparse.Namespace) -> str:
    inner = getattr(args, "subcommand", None)
    return f"{args.command} {inner}" if inner else str(args.command)


def _shown_by(out: Output) -> Callable[..., None]:
    """How warnings are printed: cgrad's own without a place in its code."""
    usual = warnings.showwarning

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: TextIO | None = None, line: str | None = None,
    ) -> None:  # fmt: skip
        if issubclass(category, CgradWarning):
            out.warning(str(message))
        else:
            usual(message, category, filename, lineno, file, line)

    return show


def _run(args: argparse.Namespace, out: Output) -> int:
    try:
        if args.command not in ("doctor", "completion"):  # the doctor tells what is wrong
            for switch in config.SWITCHES:
                switch.get()
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
