"""`python -m benchmarks [names] [--peers pytensor] [--json]`: one table per workload."""

from __future__ import annotations

from benchmarks.timing import one_thread, show

one_thread()  # before NumPy is imported

import argparse  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402

from benchmarks import (  # noqa: E402
    call_overhead,
    import_time,
    logistic_gradient,
    machine,
    start_time,
)

WORKLOADS = {
    "call_overhead": call_overhead,
    "start_time": start_time,
    "import_time": import_time,
    "logistic_gradient": logistic_gradient,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(WORKLOADS)}; all by default")
    parser.add_argument(
        "--peers", nargs="+", default=[], choices=["pytensor"],
        help="measure these as well (BENCH_PEER_PYTHON: a Python that has them)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in WORKLOADS]
    if unknown:
        parser.error(f"no workload is called {unknown[0]!r}: choose from {', '.join(WORKLOADS)}")

    facts = machine.facts()
    if not args.json:
        print("\n".join(f"{key:14}{value}" for key, value in facts.items()))
    report = {}
    for name in args.names or WORKLOADS:
        workload = WORKLOADS[name]
        results = workload.run(args.peers)
        report[name] = {"title": workload.TITLE, "cases": [r.as_dict() for r in results]}
        if not args.json:
            print(f"\n{workload.TITLE}\n{'':48}{'min':>10}{'median':>10}{'samples':>9}")
            for r in results:
                print(f"  {r.case:46}{show(r.low):>10}{show(r.median):>10}{len(r.samples):9}")
    if args.json:
        print(json.dumps({"machine": facts, "workloads": report}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
