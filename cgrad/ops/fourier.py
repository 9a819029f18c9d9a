"""The discrete Fourier transform of the last axis, and its transpose.

Responsible for: the op.  Not responsible for: lengths, axes and scaling (`cgrad.tensor.fft`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad.core import dtypes, loops, sizes
from cgrad.core.node import Node, Shape, TensorType
from cgrad.ops.kinds import Linear


class Fourier(Linear):
    """y[..., k] = sum over j of x[..., j] exp(-2 pi i j k / n), with + where it goes `back`.

    Complex128; not scaled in either direction.  Its transpose is the other direction.
    """

    __slots__ = ("back",)
    dependence = "stacked"
    mixed_axes = 1
    name = "fourier"
    lowering = "emit"
    keeps_leading = True
    takes_complex = True
    stores_arguments = True

    def __init__(self, back: bool) -> None:
        self.back = back

    def infer(self, args: tuple[Node, ...]) -> TensorType:
        return TensorType(dtypes.COMPLEX128, args[0].dims)

    def reference(self, x: Any) -> Any:
        if not x.size:
            return x.copy()
        return np.fft.ifft(x, norm="forward") if self.back else np.fft.fft(x)

    def transpose(self, node: Node, position: int, ct: Node) -> Node:
        return Node(Fourier(not self.back), (ct,))

    def batched(self, args: tuple[Node, ...], on: Sequence[bool], lead: Shape) -> Node:
        return Node(self, args)

    def emit(self, node: Node, block: Any, place: Any, why: str) -> None:
        dims = [block.resolve(n) for n in node.dims]
        x = block.rows(node.args[0], lambda rows: rows.strides == _steps(dims))
        y = block.target(place, node.ndim)
        n = dims[-1]
        # what runtime/cg_fft.h wants for a length with a large prime factor
        spare = block.names.buffer("spare", node.dtype, (17 * n + 16,))
        zeros = (0,) * node.ndim
        call = loops.Invoke(
            "cg_fft",
            (sizes.product(dims[:-1]), n, int(self.back)),
            (x.at(zeros),),
            (y.at(zeros), (spare, (0,))),
            (),
        )
        call.note = why
        block.stmts.append(call)


def _steps(dims: Sequence[sizes.SizeLike]) -> tuple[sizes.SizeLike, ...]:
    """The strides of rows that lie one after the other."""
    return tuple(sizes.product(dims[axis + 1 :]) for axis in range(len(dims)))
