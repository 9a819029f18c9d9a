"""Measurements of cgrad beside C written by hand and beside other tools: `python -m benchmarks`.

`workloads/` has one file per workload and `c/` its reference in C; `tools/` has one file per tool,
which knows how that tool compiles, is called and is timed. `runner` starts a process (`worker`) for
each tool, compares what they compute, and times them in turn; `starts` measures compilation in new
processes; `report` and `plot` show it. Nothing here asserts a time: tests must not fail because a
machine is busy.
"""
