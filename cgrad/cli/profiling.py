"""`cgrad profile`: how long each loop nest of a function takes."""

from __future__ import annotations

import argparse

from cgrad.cli import targets
from cgrad.cli.checking import arguments
from cgrad.cli.exporting import add_example
from cgrad.cli.output import DONE, Output, WorkFailed
from cgrad.cli.parser import Commands, add_json
from cgrad.errors import CgradError

EXAMPLES = """examples:
  cgrad profile models:loss                       axes of length 1000
  cgrad profile models:loss --example x.npz       with your arrays
  cgrad profile models:loss --svg times.svg       bars
"""


def add(commands: Commands) -> None:
    """The parser."""
    parser = commands.add(
        "profile", "time the loop nests of a function", EXAMPLES,
        description="Compile a function with a clock between its loop nests; the median time of "
        "each, its bytes, and the lines that made its operations.",
    )  # fmt: skip
    parser.add_argument("target", metavar="MODULE:NAME", help=targets.WHAT)
    parser.add_argument(
        "--size", type=int, metavar="N", help="length of the axes that are not declared"
    )
    parser.add_argument("--svg", metavar="FILE", help="also write a drawing to this file")
    add_example(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> int:
    """The table."""
    f = targets.one(args.target)
    arrays = arguments(f, args, 1000)
    try:
        found = f.profile(*arrays)
    except CgradError as error:
        raise WorkFailed(
            f"{error}\n  the arguments were made up; give some with --example"
        ) from error
    if args.svg is not None:
        try:
            with open(args.svg, "w", encoding="utf-8") as file:
                file.write(found.svg())
        except OSError as error:
            raise WorkFailed(f"cannot write {args.svg!r}: {error.strerror}") from error
    out.text(str(found))
    out.result(**found.as_dict())
    return DONE
