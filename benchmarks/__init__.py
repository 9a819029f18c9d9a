"""Measurements of cgrad, and of PyTensor beside it: `python -m benchmarks`.

One file per workload, each with `TITLE` and `run(peers)`; `timing` measures, `machine` says on
what. Nothing here asserts a time: tests must not fail because a machine is busy.
"""
