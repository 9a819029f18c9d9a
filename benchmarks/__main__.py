"""`python -m benchmarks [names] [--peers jax,pytensor,torch,numba] [--json] [--plot out.svg]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import cgrad
import cgrad.tensor
from benchmarks import machine, plot, report, runner, starts, workload
from benchmarks.process import missing
from benchmarks.tools import PEERS


def main() -> int:
    args = _arguments()
    if args.source:
        for case in args.cases:
            print(f"/* {case.label}: {case.module.TITLE} */\n{source(case)}")
        return 0
    if args.cpu_time:
        os.environ["BENCH_CLOCK"] = "cpu"  # for the processes of the tools
    absent = {peer: why for peer in args.peers if (why := missing(PEERS[peer][0]))}
    peers = [peer for peer in args.peers if peer not in absent]
    facts = machine.facts(peers)
    facts["clock"] = "process" if args.cpu_time else "wall"
    if not args.json:
        print("\n".join(f"{key:14}{value}" for key, value in facts.items()))
    for peer, why in absent.items():
        print(f"{peer} is left out: {why}", file=sys.stderr)
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name) / "timed"
        folder.mkdir()
        for case in args.cases:
            timed, started = [], []
            if getattr(case.module, "RUN", True):
                timed = runner.run(case, peers, args.rounds, folder, args.timeout)
            if not args.json:
                print(report.times(case, timed), flush=True)
            if args.starts and getattr(case.module, "START", True):
                started = starts.measure(case, peers, args.starts, folder.parent, args.timeout)
                if not args.json:
                    print(report.starts(started), flush=True)
            found[case.label] = report.as_dict(case, timed, started)
    document = {"machine": facts, "workloads": found}
    if args.json:
        print(json.dumps(document, indent=2))
    if args.plot:
        plot.draw(document, args.plot)
    return 0


def source(case: workload.Case) -> str:
    """The C that cgrad generates for a case."""
    function = "in_cgrad" if case.has("in_cgrad") else "symbolic"
    inputs, outputs = case.build(function, cgrad, cgrad.tensor)
    text: str = cgrad.function(inputs, outputs).c_source
    return text


def _arguments() -> argparse.Namespace:
    known = workload.names()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=f"Workloads: {', '.join(known)}."
    )
    parser.add_argument(
        "names", nargs="*", help="workloads, or cases such as name[case]; all by default"
    )
    parser.add_argument(
        "--peers", type=lambda text: text.split(","), default=[], metavar="jax,pytensor,...",
        help=f"measure these too, of {', '.join(PEERS)} ($BENCH_PEER_PYTHON has them)",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=7, help="turns each contender gets")
    parser.add_argument("--starts", type=int, default=3, help="cold and warm starts of each tool")
    parser.add_argument(
        "--timeout", type=float, default=300, help="seconds a tool may take to answer"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument(
        "--cpu-time", action="store_true",
        help="time the process and not the wall: on a busy machine, for one thread",
    )  # fmt: skip
    parser.add_argument("--source", action="store_true", help="print the generated C, time nothing")
    parser.add_argument("--plot", metavar="OUT.svg", help="draw the times in relation to C")
    args = parser.parse_args()
    for peer in args.peers:
        if peer not in PEERS:
            parser.error(f"no peer is called {peer!r}: choose from {', '.join(PEERS)}")
    if args.rounds < 1:
        parser.error("at least one round is needed")
    args.cases = []
    every = {case.label: [case] for name in known for case in workload.cases(name)}
    for name in args.names or known:
        if name in known:
            args.cases += workload.cases(name)
        elif name in every:
            args.cases += every[name]
        else:
            parser.error(f"no workload is called {name!r}: choose from {', '.join(every)}")
    return args


if __name__ == "__main__":
    sys.exit(main())
