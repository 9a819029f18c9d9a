"""The sparse Jacobians of a bundle adjustment: blocks of 2 x 9 for cameras, of 2 x 3 for points.

Points are turned by a vector of rotation, moved, and projected with radial distortion (S. Agarwal,
N. Snavely, S. M. Seitz and R. Szeliski, Bundle Adjustment in the Large, ECCV 2010).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Data

TITLE = "Jacobians of a bundle adjustment: 20 cameras, 300 points, 2000 observations"
BOUND = True
SPARSE = True
CAMERAS, POINTS, OBSERVATIONS = 20, 300, 2000


def data() -> Data:
    random = np.random.default_rng(0)
    return (
        random.uniform(0.3, 1, (CAMERAS, 9)),
        random.uniform(0.3, 1, (POINTS, 3)),
        random.normal(size=(OBSERVATIONS, 2)),
        random.integers(0, CAMERAS, OBSERVATIONS),
        random.integers(0, POINTS, OBSERVATIONS),
    )


def _residual(t: Any, c: Any, p: Any, observed: Any) -> Any:
    """The two residuals of every observation, by columns of its camera and of its point."""
    angle = t.sqrt(c[0] ** 2 + c[1] ** 2 + c[2] ** 2)
    kx, ky, kz = c[0] / angle, c[1] / angle, c[2] / angle
    cos, sin = t.cos(angle), t.sin(angle)
    along = (kx * p[0] + ky * p[1] + kz * p[2]) * (1 - cos)
    x = p[0] * cos + (ky * p[2] - kz * p[1]) * sin + kx * along + c[3]
    y = p[1] * cos + (kz * p[0] - kx * p[2]) * sin + ky * along + c[4]
    z = p[2] * cos + (kx * p[1] - ky * p[0]) * sin + kz * along + c[5]
    u, v = -x / z, -y / z
    square = u * u + v * v
    scale = c[6] * (1 + c[7] * square + c[8] * square * square)
    return u * scale - observed[0], v * scale - observed[1]


def in_cgrad(lib: Any, t: Any) -> Any:
    cameras, points, observed = t.dmatrices("cameras", "points", "observed")
    i, j = t.lvectors("i", "j")
    found = t.stack(_residual(t, cameras[i].T, points[j].T, observed.T), axis=1)
    blocks = lib.gradient.jacobian(found, [cameras, points], sparse=True)
    return [cameras, points, observed, i, j], blocks


def in_pytensor(lib: Any, t: Any) -> Any:
    cameras, points, observed = t.dmatrices("cameras", "points", "observed")
    i, j = t.lvectors("i", "j")
    found = t.stack(_residual(t, cameras[i].T, points[j].T, observed.T), axis=1)
    blocks = lib.gradient.jacobian(found.ravel(), [cameras, points])
    rows = 2 * OBSERVATIONS
    flat = [block.reshape((rows, size)) for block, size in zip(blocks, _columns(), strict=True)]
    return [cameras, points, observed, i, j], flat


def _columns() -> tuple[int, int]:
    return 9 * CAMERAS, 3 * POINTS


def in_casadi(ca: Any) -> Any:
    cameras, points = ca.MX.sym("cameras", 9, CAMERAS), ca.MX.sym("points", 3, POINTS)
    observed = ca.MX.sym("observed", 2, OBSERVATIONS)
    c, p, o = (ca.SX.sym(name, n) for name, n in (("c", 9), ("p", 3), ("o", 2)))
    both = ca.vertcat(*_residual(ca, *(ca.vertsplit(part) for part in (c, p, o))))
    i, j = (array.tolist() for array in data()[3:])
    each = ca.Function("each", [c, p, o], [both]).map(OBSERVATIONS)
    found = ca.vec(each(cameras[:, i], points[:, j], observed))
    return [cameras, points, observed], [
        ca.jacobian(found, cameras), ca.jacobian(found, points),
    ]  # fmt: skip


def in_jax() -> Any:
    import jax
    import jax.numpy as jnp
    from jax.experimental.sparse import BCOO

    def both(c: Any, p: Any, o: Any) -> Any:
        return jnp.stack(_residual(jnp, c, p, o))

    blocks = jax.vmap(jax.jacfwd(both, argnums=(0, 1)))

    def jacobians(cameras: Any, points: Any, observed: Any, i: Any, j: Any) -> Any:
        found = blocks(cameras[i], points[j], observed)
        rows = jnp.arange(2 * OBSERVATIONS).reshape(-1, 2, 1)
        matrices = []
        for block, which, size in zip(found, (i, j), _columns(), strict=True):
            columns = which[:, None, None] * block.shape[2] + jnp.arange(block.shape[2])
            at = jnp.stack(jnp.broadcast_arrays(rows, columns), axis=-1).reshape(-1, 2)
            matrices.append(BCOO((block.ravel(), at), shape=(2 * OBSERVATIONS, size)))
        return matrices

    return jacobians
