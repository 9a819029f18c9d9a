"""From C text and flags to a loaded library that can be called.

Responsible for: keys, the store on disk, running the compiler, loading, and the dispatcher that
calls a kernel. Knows no graph. The way in are ``load.load_kernel`` and
``dispatcher.start_dispatcher``.
"""
