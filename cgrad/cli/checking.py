"""`cgrad check` and `cgrad bench`: are the derivatives right, how long does a call take."""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

from cgrad.cli import targets
from cgrad.cli.exporting import add_example, example
from cgrad.cli.output import DONE, FAILED, Output, UsageError, WorkFailed
from cgrad.cli.parser import Commands, add_json
from cgrad.core import graphs
from cgrad.core.dtypes import is_inexact
from cgrad.core.node import Node
from cgrad.errors import CgradError, GradientError
from cgrad.gradient.verify import verify_grad
from cgrad.ops.constants import constant
from cgrad.profile import time_text
from cgrad.samples import sample

CHECK_EXAMPLES = """examples:
  cgrad check models:loss                     at values that are made up
  cgrad check models:loss --example x.npz     at yours, arrays by the names of inputs
"""
BENCH_EXAMPLES = """examples:
  cgrad bench models:loss                 axes of length 1000
  cgrad bench models:loss --size 50       shorter ones
  cgrad bench models:loss --example x.npz
"""
_ROUNDS, _ROUND_SECONDS = 7, 0.1


def add(commands: Commands) -> None:
    """The parsers of both."""
    check_parser = commands.add(
        "check", "compare derivatives with finite differences", CHECK_EXAMPLES,
        description="For each result of a floating dtype, differentiate it with respect to the "
        "inputs of a floating dtype and compare with central differences (tolerance 1e-4; 1e-2 "
        "in float32). Exit code 1 if one differs.",
    )  # fmt: skip
    bench_parser = commands.add(
        "bench", "time calls of a function", BENCH_EXAMPLES,
        description="CPU time of a call, converting arguments included: the least and the median "
        f"of {_ROUNDS} rounds.",
    )  # fmt: skip
    for parser, run in ((check_parser, check), (bench_parser, bench)):
        parser.add_argument("target", metavar="MODULE:NAME", help=targets.WHAT)
        parser.add_argument(
            "--size", type=int, metavar="N", help="length of the axes that are not declared"
        )
        add_example(parser)
        add_json(parser)
        parser.set_defaults(run=run)


def arguments(f: Any, args: argparse.Namespace, size: int | None) -> list[Any]:
    wanted = size if args.size is None else args.size
    if wanted is not None and not 0 <= wanted <= 1 << 28:
        raise UsageError(f"--size is {wanted}, expected 0 to {1 << 28}")
    try:
        return sample(f.maker.program, wanted, example(args.example))
    except (ValueError, TypeError) as error:
        raise UsageError(f"--example: {error}") from error


def check(args: argparse.Namespace, out: Output) -> int:
    """Every result against finite differences."""
    f = targets.one(args.target)
    arrays = arguments(f, args, None)
    program = f.maker.program
    rows = []
    for k, node in enumerate(program.outputs[: f._plan.n_returned]):
        if not is_inexact(node.dtype):
            continue
        state, detail = _compare(node, program.inputs, arrays)
        rows.append({"result": k, "state": state, "detail": detail})
        colour = {"ok": "green", "failed": "red"}.get(state, "yellow")
        out.text(f"{out.paint(state.ljust(8), colour)}  result {k}: {detail}")
    bad = [row for row in rows if row["state"] == "failed"]
    if not rows:
        out.text("no result has a floating or complex dtype")
    out.result(results=rows)
    return FAILED if bad else DONE


def _compare(node: Node, inputs: list[Node], arrays: list[Any]) -> tuple[str, str]:
    """ok, constant, or failed and why."""
    reached = set(graphs.toposort([node]))
    own = list(zip(inputs, arrays, strict=False))
    wrt = [(i, a) for i, a in own if i in reached and is_inexact(i.dtype)]
    fixed: dict[Node, Node] = {i: constant(a) for i, a in own if not is_inexact(i.dtype)}
    if not wrt:
        return "constant", "depends on no input of a floating dtype"
    if not any(array.size for _, array in wrt):
        return "constant", "not compared: the arguments are empty"

    def value(*given: Node) -> Node:
        swap = {**fixed, **{i: new for (i, _), new in zip(wrt, given, strict=True)}}
        return graphs.substitute([node], swap)[0]

    try:
        verify_grad(value, [array for _, array in wrt], n_tests=1)
    except (GradientError, CgradError, NotImplementedError, ValueError, TypeError) as error:
        return "failed", str(error).partition("\n")[0]
    names = ", ".join(i.name or f"argument {inputs.index(i)}" for i, _ in wrt)
    return "ok", f"with respect to {names}"


def bench(args: argparse.Namespace, out: Output) -> int:
    """CPU time of calls with equal arguments."""
    f = targets.one(args.target)
    arrays = arguments(f, args, 1000)
    try:
        count, seconds = 1, _timed(f, arrays, 1)
    except CgradError as error:
        raise WorkFailed(
            f"{error}\n  the arguments were made up; give some with --example"
        ) from error
    while seconds < _ROUND_SECONDS / 4 and count < 1 << 24:
        count *= 4
        seconds = _timed(f, arrays, count)
    rounds = [_timed(f, arrays, count) / count for _ in range(_ROUNDS)]
    least, median = min(rounds), statistics.median(rounds)
    shapes = ", ".join(str(np.shape(array)) for array in arrays) or "none"
    calls = f"{count} call{'' if count == 1 else 's'} a round"
    out.text(f"{time_text(least)} least, {time_text(median)} median, {calls}")
    out.text(f"arguments: {shapes}")
    out.result(
        least=least, median=median, calls=count, rounds=_ROUNDS,
        shapes=[list(np.shape(array)) for array in arrays],
    )  # fmt: skip
    return DONE


def _timed(f: Any, arrays: list[Any], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        f(*arrays)
    return time.process_time() - start
