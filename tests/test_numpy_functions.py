"""NumPy's own functions on symbolic tensors: 40 common expressions, compiled, against NumPy."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.tensor.numpy_functions import _FUNCTIONS

RNG = np.random.default_rng(1)
A = RNG.uniform(0.2, 2.0, (3, 4))
B = RNG.uniform(0.2, 2.0, (3, 4))
V = RNG.uniform(0.2, 2.0, 4)

# each is evaluated twice: on symbols, and on arrays by NumPy
EXPRESSIONS = {
    "sum": lambda a, b, v: np.sum(a, axis=0),
    "mean": lambda a, b, v: np.mean(a, axis=1, keepdims=True),
    "max": lambda a, b, v: np.max(a, axis=-1),
    "min": lambda a, b, v: np.amin(a),
    "prod": lambda a, b, v: np.prod(a, axis=(0, 1)),
    "var": lambda a, b, v: np.var(a, axis=0, ddof=1),
    "std": lambda a, b, v: np.std(a),
    "ptp": lambda a, b, v: np.ptp(a, axis=0),
    "any, all": lambda a, b, v: np.any(a > 1, axis=0) & np.all(a > 0.5, axis=0),
    "standardise": lambda a, b, v: (a - np.mean(a, axis=0)) / np.std(a, axis=0),
    "where": lambda a, b, v: np.where(a > b, a, -b),
    "concatenate": lambda a, b, v: np.concatenate([a, b], axis=1),
    "stack": lambda a, b, v: np.stack([a, b], axis=-1),
    "vstack": lambda a, b, v: np.vstack((a, v)),
    "hstack": lambda a, b, v: np.hstack([v, v]),
    "clip": lambda a, b, v: np.clip(a, 0.5, 1.5),
    "maximum": lambda a, b, v: np.maximum(np.minimum(a, b), 0.3),
    "outer": lambda a, b, v: np.outer(v, v),
    "dot": lambda a, b, v: np.dot(a, v),
    "matmul": lambda a, b, v: np.matmul(a, b.T),
    "tensordot": lambda a, b, v: np.tensordot(a, b, axes=([0, 1], [0, 1])),
    "einsum": lambda a, b, v: np.einsum("ij,kj,j->ik", a, b, v),
    "inner": lambda a, b, v: np.inner(a, v),
    "cumsum": lambda a, b, v: np.cumsum(a, axis=1),
    "cumprod": lambda a, b, v: np.cumprod(v),
    "diff": lambda a, b, v: np.diff(a, axis=0),
    "transpose": lambda a, b, v: np.transpose(a, (1, 0)),
    "reshape": lambda a, b, v: np.reshape(a, (2, -1)),
    "ravel": lambda a, b, v: np.ravel(a) + np.ravel(b),
    "squeeze, expand_dims": lambda a, b, v: np.broadcast_to(
        np.squeeze(np.expand_dims(v, 0), axis=0), (3, 4)
    ),
    "zeros_like": lambda a, b, v: np.zeros_like(a) + 2 * np.ones_like(a) + np.full_like(a, 0.5),
    "norm": lambda a, b, v: np.linalg.norm(a, axis=1),
    "diag": lambda a, b, v: np.diag(v, 1),
    "trace": lambda a, b, v: np.trace(np.dot(a.T, b)),
    "sort": lambda a, b, v: np.sort(a, axis=1),
    "argsort, argmax": lambda a, b, v: np.argsort(v) + np.argmax(a, axis=0),
    "tile, repeat, roll": lambda a, b, v: np.tile(v, 2) + np.roll(np.repeat(v, 2), 1),
    "pad": lambda a, b, v: np.pad(a, ((1, 1), (0, 2)), mode="reflect"),
    "logsumexp": lambda a, b, v: np.log(np.sum(np.exp(a - np.max(a)))) + np.max(a),
    "swapaxes, moveaxis, flip": lambda a, b, v: np.flip(np.swapaxes(np.moveaxis(a, 0, 1), 0, 1)),
}  # fmt: skip
NEEDED = 38


def test_forty_expressions():
    assert len(EXPRESSIONS) == 40
    symbols = [ct.matrix("a"), ct.matrix("b"), ct.vector("v")]
    outputs, refused = {}, {}
    for name, f in EXPRESSIONS.items():
        try:
            outputs[name] = f(*symbols)
        except (TypeError, NotImplementedError) as error:
            refused[name] = str(error)
    assert all("cgrad.tensor" in message for message in refused.values()), refused
    assert len(outputs) >= NEEDED, refused
    found = cgrad.function(symbols, list(outputs.values()))(A, B, V)
    for got, name in zip(found, outputs, strict=True):
        expected = np.asarray(EXPRESSIONS[name](A, B, V))
        assert got.dtype == expected.dtype, name
        np.testing.assert_allclose(got, expected, rtol=1e-12, err_msg=name, strict=True)
    print(f"{len(outputs)} of {len(EXPRESSIONS)} NumPy expressions work")


def test_more_arguments_of_numpy():
    a, v = ct.matrix("a"), ct.vector("v")
    calls = [
        lambda a, v: np.sum(a, 0, keepdims=True, out=None),
        lambda a, v: np.var(a, axis=1, correction=1),
        lambda a, v: np.clip(a, a_min=None, a_max=1.0) + np.clip(a, min=0.5, max=None),
        lambda a, v: np.concatenate((a, a), axis=None),
        lambda a, v: np.split(a, 2, axis=1)[1] + np.array_split(np.ones((3, 4)), 2, 1)[1],
        lambda a, v: np.split(a, [1, 3], axis=1)[1],
        lambda a, v: np.pad(v, (1, 2), mode="edge"),
        lambda a, v: np.pad(v, 1, constant_values=3.0),
        lambda a, v: np.round(a) + np.around(a),
        lambda a, v: np.linalg.norm(v, 2) + np.linalg.norm(a, "fro"),
        lambda a, v: np.average(a, axis=0),
        lambda a, v: np.vdot(a, a),
        lambda a, v: np.trace(a, offset=1),
        lambda a, v: np.diagonal(a, 1),
        lambda a, v: np.fliplr(a) + np.flipud(a),
        lambda a, v: np.atleast_2d(v),
        lambda a, v: np.ones(4) @ v + np.dot(np.ones(4), v),
        lambda a, v: np.where(np.arange(4) > 1, v, 0.0),
        lambda a, v: np.stack([v, np.ones(4)]),
        lambda a, v: np.copy(a),
    ]
    found = cgrad.function([a, v], [f(a, v) for f in calls])(A, V)
    for got, f in zip(found, calls, strict=True):
        np.testing.assert_allclose(got, f(A, V), rtol=1e-12, strict=True)
    assert np.ndim(a) == 2
    shape, size = cgrad.function([a], [np.shape(a), np.size(a)])(A)
    assert tuple(shape) == (3, 4) and size == 12


def test_derivatives_go_through():
    a = ct.matrix("a")
    g = cgrad.grad(np.sum(np.linalg.norm(a, axis=1) * np.prod(a, axis=1)), a)
    expected = np.prod(A, 1)[:, None] * A / np.linalg.norm(A, axis=1)[:, None]
    expected += np.linalg.norm(A, axis=1)[:, None] * np.prod(A, 1)[:, None] / A
    np.testing.assert_allclose(cgrad.function([a], g)(A), expected, rtol=1e-12)


REFUSED = [
    (lambda x: np.percentile(x, 50), "cgrad.tensor, use sort"),
    (lambda x: np.linalg.inv(x), "numpy.linalg.inv does not work.*use cgrad.tensor.linalg.inv"),
    (lambda x: np.fft.fft(x), "numpy.fft.fft does not work.*cgrad.tensor"),
    (lambda x: np.array_split(x, 3), "cgrad.tensor, use split"),
    (lambda x: np.sum(x, out=np.zeros(())), "out=.*cgrad.tensor.sum"),
    (lambda x: np.sum(x, where=np.ones(3, bool)), "where.*cgrad.tensor.sum"),
    (lambda x: np.sum(x, initial=1.0), "initial.*cgrad.tensor.sum"),
    (lambda x: np.round(x, 2), "cgrad.tensor.round"),
    (lambda x: np.average(x, weights=x), "cgrad.tensor.sum"),
    (lambda x: np.reshape(x, (1, -1), order="F"), "order='F'.*cgrad.tensor.reshape"),
    (lambda x: np.add.reduce(x), "numpy.add.reduce.*cgrad.tensor"),
]


@pytest.mark.parametrize(("call", "match"), REFUSED)
def test_what_has_no_symbolic_form_says_what_to_use(call, match):
    with pytest.raises(TypeError, match=match):
        call(ct.matrix("x"))


def test_every_entry_has_the_parameters_of_numpy():
    for function, ours in _FUNCTIONS.items():
        try:
            theirs = list(inspect.signature(function).parameters)
        except ValueError:
            continue
        taken = [p.name for p in inspect.signature(ours).parameters.values()
                 if p.kind is not inspect.Parameter.VAR_POSITIONAL]  # fmt: skip
        assert {*taken} - {"constant_values", "end_values", "stat_length"} <= set(theirs), (
            function.__name__
        )
        positional = [p for p in taken if p in theirs[: len(taken)]]
        assert positional == sorted(positional, key=theirs.index), function.__name__
