"""Tests of what cgrad promises under faults, each one a script that prints one line.

`cache_*` are about the kernel cache, `safety_*` about compiled code and the process around it.
Each module has `run(plan) -> Result` and says in its docstring what must hold. Where another
library can be put through the same, it has `PEERS`, their names, and `run_peer(plan, peer)`.
A module is found by its name: writing the file is all that adding a test takes.
"""
