"""Pickles and deep copies of graphs and of compiled functions."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.core.graphs import toposort

LONG = 30_000


def _loops(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


def _pure(obj: Any) -> Any:
    """By the pickler written in Python, which recurses where the C one does."""
    return pickle.loads(pickle._dumps(obj))  # type: ignore[attr-defined]


WAYS = [lambda x: pickle.loads(pickle.dumps(x)), _pure, copy.deepcopy]
WAYS += [lambda x, p=p: pickle.loads(pickle.dumps(x, p)) for p in (2, 3, 4)]


@pytest.mark.parametrize("way", WAYS)
def test_nodes_keep_names_dtypes_sizes_and_what_they_share(way: Any) -> None:
    x = ct.dmatrix("x")
    m = ct.tensor("m", dtype="float32", shape=(3, None))
    y = ct.exp(x) * x.shape[0] + ct.as_tensor(np.arange(100.0))[: x.shape[1]]
    y.name = "y"
    x2, m2, y2, z2 = way((x, m, y, ct.sum(y[:, 1:] * 2)))
    assert x2 is not x
    assert [n.name for n in (x2, m2, y2)] == ["x", "m", "y"]
    assert (m2.dtype, m2.dims[0], repr(x2)) == ("float32", 3, repr(x))
    assert x2 in toposort([y2]) and y2 in toposort([z2])
    assert cgrad.pp(z2) == cgrad.pp(ct.sum(y[:, 1:] * 2))
    value = np.ones((2, 100))
    expected = cgrad.function([x], [y])(value)
    np.testing.assert_array_equal(cgrad.function([x2], [y2])(value), expected)


@pytest.mark.parametrize("way", WAYS)
def test_loops_keep_their_bodies(way: Any) -> None:
    x, s = ct.dvector("x"), ct.dscalar("s")
    out = _loops(cgrad.scan(lambda a, b: ct.tanh(a * b + s), x, ct.constant(0.5)))
    g = cgrad.grad(out[-1] + ct.sum(cgrad.jacobian(out, x)), [x, s])
    x2, s2, g2 = way((x, s, g))
    given = [0.1, 0.2, 0.3], 0.5
    for a, b in zip(
        cgrad.function([x, s], g)(*given), cgrad.function([x2, s2], g2)(*given), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_node_comes_back_without_its_site() -> None:
    x = pickle.loads(pickle.dumps(ct.dscalar("x") * 2))
    assert x.site[1] < 0 and x.tag is None
    assert copy.copy(x) is not x and copy.copy(x).args == x.args


def _chain(n: int) -> tuple[Any, Any]:
    x = y = ct.dscalar("x")
    for _ in range(n):
        y = ct.sin(y)
    return x, y


def test_a_long_chain_pickles() -> None:
    x, y = _chain(LONG)
    x2, y2 = pickle.loads(pickle.dumps((x, y)))
    order = toposort([y2])
    assert order[0] is x2 and len(order) == LONG + 1
    del order
    assert len(toposort([copy.deepcopy(y)])) == LONG + 1
    gc.collect()


def test_the_plan_of_a_long_function_pickles() -> None:
    """The graph of a function, without compiling 100 000 lines of C."""
    from cgrad.compiled import Plan
    from cgrad.parameters import Parameter
    from cgrad.pipeline import Program

    x, y = _chain(LONG)
    plan = Plan(Program([x], [y], "f"), "single", 1, [], [Parameter("x")])
    again = pickle.loads(pickle.dumps(plan))
    assert len(again.program.nodes) == LONG + 1
    assert again.program.lookup_fields() == plan.program.lookup_fields()


@pytest.mark.parametrize("way", WAYS)
def test_a_function_comes_back_from_the_cache(way: Any) -> None:
    x, s = ct.dmatrix("x"), ct.dscalar("s")
    w = cgrad.shared(np.array([1.0, 2.0]), "w")
    big = np.linspace(0, 1, 200)
    loss = ct.sum(ct.tanh(ct.dot(x, w)) * s) + ct.sum(ct.as_tensor(big)[: x.shape[0]])
    f = cgrad.function(
        [x, cgrad.In(s, value=3.0)], {"loss": loss}, updates=[(w, w - cgrad.grad(loss, w))]
    )
    g = way(f)
    assert g._kernel.origin == "disk"
    assert g._kernel.key == f._kernel.key
    assert repr(g) == repr(f)
    given = np.array([[1.0, -1.0], [0.5, 2.0]])
    for _ in range(3):
        np.testing.assert_array_equal(f(given)["loss"], g(given)["loss"])
    np.testing.assert_array_equal(w.get_value(), g.get_shared()[0].get_value())
    assert g.get_shared()[0] is not w


def test_functions_pickled_together_share_their_variables() -> None:
    w, x = cgrad.shared(0.0, "w"), ct.dscalar("x")
    add = cgrad.function([x], [], updates=[(w, w + x)])
    get = cgrad.function([], w)
    add2, get2, w2 = pickle.loads(pickle.dumps((add, get, w)))
    add2(5)
    assert [get2(), w2.get_value(), get()] == [5, 5, 0]
    state = cgrad.function([cgrad.In(x, value=w, update=x + 1)], x)
    state2, w3 = copy.deepcopy([state, w])
    state2()
    assert [w3.get_value(), w.get_value()] == [1, 0]


def test_state_is_pickled() -> None:
    s = ct.dscalar("s")
    f = cgrad.function([cgrad.In(s, value=0.0, update=s + 1)], s)
    f()
    g = pickle.loads(pickle.dumps(f))
    assert [g(), g(), f()] == [1, 2, 1]


def test_another_process_finds_the_kernel(tmp_path: Path) -> None:
    x = ct.dvector("x")
    s = ct.dscalar("s")
    out = _loops(cgrad.scan(lambda a, b: a * b + s, x, ct.constant(1.0)))
    f = cgrad.function([x, s], cgrad.grad(out[-1], x))
    (tmp_path / "f.pickle").write_bytes(pickle.dumps(f))
    code = (
        "import pickle, sys; f = pickle.load(open(sys.argv[1], 'rb')); "
        "print(f._kernel.origin, f([1.0, 2.0], 3.0).tolist())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "f.pickle")],
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )
    assert run.stdout.split(maxsplit=1) == ["disk", f"{f([1.0, 2.0], 3.0).tolist()}\n"], run.stderr
