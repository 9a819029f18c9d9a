"""`python -m benchmarks.reliability [names] [--full] [--json] [--peers pytensor,numba,jax]`.

Exit code 1 if something that cgrad promises did not hold.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys

from benchmarks import machine
from benchmarks.process import missing
from benchmarks.reliability import registry
from benchmarks.reliability.plan import Result
from benchmarks.tools import PEERS as TOOLS


def main() -> int:
    args = _arguments()
    # a shell that starts this in the background has it ignore Ctrl-C, and all its children too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    found: list[Result] = []
    for name in args.names:
        able = registry.peers_of(name)
        for tool in ("cgrad", *(peer for peer in args.peers if peer in able)):
            result = registry.run(name, tool, part=args.part if args.full else 0.0, seed=args.seed)
            found.append(result)
            if not args.json:
                print(result.line, flush=True)
            for problem in result.details:
                print(f"    {problem}", file=sys.stderr, flush=True)
    if args.json:
        document = {
            "machine": machine.facts(args.peers),
            "part": args.part if args.full else 0.0,
            "results": [{**result.as_dict(), "verdict": result.verdict} for result in found],
        }
        print(json.dumps(document, indent=2))
    return int(any(each.verdict == "FAILED" for each in found if each.tool == "cgrad"))


def _arguments() -> argparse.Namespace:
    known = registry.names()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability",
        description=f"Tests: {', '.join(known)}.",
    )
    parser.add_argument("names", nargs="*", help="tests; all by default")
    parser.add_argument(
        "--full",
        action="store_true",
        help="as much as is claimed: an hour or two, not seconds",
    )
    parser.add_argument(
        "--part",
        type=float,
        default=1.0,
        help="of the full counts, with --full; 1 by default",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    parser.add_argument(
        "--peers", type=lambda text: text.split(","), default=[], metavar="pytensor,...",
        help=f"put these through the same: {', '.join(registry.PEERS)} "
        "($BENCH_PEER_PYTHON has them)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn at random")
    args = parser.parse_args()
    if not 0 < args.part <= 1:
        parser.error("--part is a number above 0 and up to 1")
    args.names = args.names or known
    for name in args.names:
        if name not in known:
            parser.error(f"no test is called {name!r}: choose from {', '.join(known)}")
    for peer in args.peers:
        if peer not in registry.PEERS:
            parser.error(f"no peer is called {peer!r}: choose from {', '.join(registry.PEERS)}")
        if why := missing(TOOLS[peer][0]):
            parser.error(f"{peer} cannot be run: {why}")
    return args


if __name__ == "__main__":
    sys.exit(main())
