"""One test of one tool in this process; the last line that is printed is its result as JSON.

`registry.run` starts this, with the tool's Python. Nothing of the tool has been used before.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.reliability import registry
from benchmarks.reliability.plan import Plan, Result


def main() -> None:
    name, tool, part, seed, folder = sys.argv[1:]
    plan = Plan(float(part) > 0, Path(folder), int(seed), float(part))
    module = registry.load(name)
    result: Result = module.run(plan) if tool == "cgrad" else module.run_peer(plan, tool)
    result.cpu_seconds = sum(os.times()[:4])
    print(json.dumps(result.as_dict()))


if __name__ == "__main__":
    main()
