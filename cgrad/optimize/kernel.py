"""One compiled function of the variables, called once for each point.

Responsible for: the last point, whose results are kept.  Not responsible for: what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cgrad.core.node import Node
from cgrad.function import function
from cgrad.optimize.variables import Array, Variables
from cgrad.sparse.matrix import SparseMatrix


class Kernel:
    """Some outputs at a vector x; those of the last call are kept and returned again.

    A shared variable that was given a new value leads to a new call.  `calls` counts those of the
    compiled function.
    """

    def __init__(
        self,
        variables: Variables,
        args: Mapping[Node, Array],
        outputs: Sequence[Node | SparseMatrix],
        name: str,
        more: Sequence[Node] = (),
    ) -> None:
        self.function = function(
            [*variables.nodes, *more, *args],
            list(outputs),
            name=name,
            on_unused_input="ignore",
            no_default_updates=True,
        )
        self.calls = 0
        self._variables = variables
        self._values = list(args.values())
        self._shared = [node.op.storage for node in self.function.get_shared()]
        self._last: tuple[Any, list[Any], list[Any]] | None = None

    def __call__(self, x: Any, *more: Any) -> list[Any]:
        vector = self._variables.flat(x)
        key = (vector.tobytes(), *(np.asarray(value).tobytes() for value in more))
        last = self._last
        cells = [cell[0] for cell in self._shared]
        if last is not None and last[0] == key and all(map(_same, last[1], cells)):
            return last[2]
        self.calls += 1
        found: list[Any] = self.function(*self._variables.arrays(vector), *more, *self._values)
        self._last = key, cells, found
        return found


def _same(a: Any, b: Any) -> bool:
    return a is b


class Lazy:
    """A kernel that is compiled when it is first called."""

    def __init__(self, make: Callable[[], Kernel]) -> None:
        self._make = make
        self._kernel: Kernel | None = None

    def __call__(self, x: Any, *more: Any) -> list[Any]:
        if self._kernel is None:
            self._kernel = self._make()
        return self._kernel(x, *more)

    @property
    def calls(self) -> int:
        """How often the compiled function was called."""
        return 0 if self._kernel is None else self._kernel.calls
