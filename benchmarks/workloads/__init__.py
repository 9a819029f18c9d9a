"""One file per workload; `benchmarks/workload.py` says what is in one."""
