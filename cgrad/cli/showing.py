"""`cgrad show`: a function in every form it has, from graph to assembly."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from cgrad.cache.assembly import assembly
from cgrad.cli import targets
from cgrad.cli.exporting import cannot_write
from cgrad.cli.output import DONE, Output
from cgrad.cli.parser import Commands, add_json
from cgrad.codegen.show import show
from cgrad.graph.drawing import picture
from cgrad.pages import page
from cgrad.pipeline import lower

EXAMPLES = """examples:
  cgrad show models:loss                     what it is, and its graph
  cgrad show models:loss --c                 the C file
  cgrad show models:loss --svg -o loss.svg   a drawing; no other program is needed
  cgrad show models:loss --mermaid           for Markdown
"""


def _graph(f: Any) -> str:
    return f"{f.explain()}\n\n{f.dprint(file='str')}"


def _loops(f: Any) -> str:
    return show(lower(f.maker.program)[0].body) + "\n"


def _drawn(form: str) -> Callable[[Any], str]:
    def draw(f: Any) -> str:
        made = picture(f.graph.outputs, f.graph.inputs)
        return str(getattr(made, form)())

    return draw


FORMS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "graph": ("how it came to be, and the rewritten graph (default)", _graph),
    "ssa": ("the graph as typed assignments", lambda f: f"{f.graph}\n"),
    "loops": ("the loops from which the C is printed", _loops),
    "c": ("the C file", lambda f: str(f.c_source)),
    "asm": ("the assembly that the compiler makes of it", lambda f: assembly(f.c_source)),
    "dot": ("the graph for Graphviz", _drawn("dot")),
    "mermaid": ("the graph for Mermaid", _drawn("mermaid")),
    "svg": ("a drawing of the graph", _drawn("svg")),
    "html": ("a page with the drawing, the assignments and the C", page),
}


def add(commands: Commands) -> None:
    """The parser of the command."""
    parser = commands.add(
        "show", "show a function as graph, loops, C, assembly or drawing", EXAMPLES
    )
    parser.add_argument("target", metavar="MODULE:NAME", help=targets.WHAT)
    group = parser.add_mutually_exclusive_group()
    for form, (what, _) in FORMS.items():
        group.add_argument(
            f"--{form}", action="store_const", const=form, dest="form", help=what, default="graph"
        )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> int:
    """Print one form of a function, or write it."""
    text = FORMS[args.form][1](targets.one(args.target))
    if args.output is None:
        out.text(text.rstrip("\n"))
        out.result(form=args.form, text=text)
        return DONE
    try:
        with open(args.output, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise cannot_write(args.output, error) from error
    out.text(args.output)
    out.result(form=args.form, file=args.output)
    return DONE
