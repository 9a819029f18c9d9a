"""`function`: givens, In, Out, dicts, conversions, copies, eval, what is shown of a function."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.errors import CallError, DTypeError, RankError, ShapeError


# -- outputs ----------------------------------------------------------------------------------
def test_a_dict_of_outputs_gives_a_dict() -> None:
    x = ct.dvector("x")
    f = cgrad.function([x], {"total": ct.sum(x), "twice": 2 * x})
    result = f([1.0, 2.0])
    assert list(result) == ["total", "twice"]
    assert result["total"] == 3
    np.testing.assert_array_equal(result["twice"], [2, 4])
    assert cgrad.function([x], {}, on_unused_input="ignore")([1.0]) == {}


def test_names_of_a_dict_are_strings() -> None:
    x = ct.dscalar("x")
    with pytest.raises(TypeError, match="strings"):
        cgrad.function([x], {1: x})


def test_out_is_the_variable() -> None:
    x = ct.dscalar("x")
    assert cgrad.function([x], cgrad.Out(x * 2, borrow=True))(3) == 6
    assert cgrad.function([x], [cgrad.Out(x * 2)])(3) == [6]


@pytest.mark.parametrize("option", ["mode", "profile"])
def test_modes_and_profiles_are_refused_by_name(option: str) -> None:
    x = ct.dscalar("x")
    with pytest.raises(NotImplementedError, match=f"{option}='FAST_RUN'"):
        cgrad.function([x], x, **{option: "FAST_RUN"})
    assert cgrad.function([x], x, **{option: None})(1) == 1


def test_math_chooses_between_own_functions_and_those_of_libm() -> None:
    x = ct.dvector("x")
    own, exact = (cgrad.function([x], ct.exp(x), math=math) for math in (None, "exact"))
    assert "cg_exp" in own.c_source and "cg_exp" not in exact.c_source
    values = np.linspace(-700, 700, 1001)
    np.testing.assert_allclose(own(values), exact(values), rtol=2.0**-51)
    for other in (exact.copy(), pickle.loads(pickle.dumps(exact))):
        assert other.c_source == exact.c_source
    assert 'math="exact"' in exact.explain() and "math=" not in own.explain()
    with pytest.raises(ValueError, match="'quick'"):
        cgrad.function([x], x, math="quick")


# -- givens -----------------------------------------------------------------------------------
def test_givens_replace_all_at_once() -> None:
    x, y = ct.dvectors("x", "y")
    f = cgrad.function([x, y], [x - y, ct.sum(x) * x.shape[0]], givens={x: y, y: x})
    difference, total = f([1.0, 2.0], [10.0, 20.0])
    np.testing.assert_array_equal(difference, [9, 18])
    assert total == 60


def test_givens_take_values_and_an_expression_of_the_same_variable() -> None:
    x, s = ct.dvector("x"), ct.dscalar("s")
    f = cgrad.function([], ct.sum(x * s), givens=[(x, np.arange(3)), (s, 2)])
    assert f() == 6
    assert cgrad.function([x], ct.sum(x), givens={x: ct.exp(x)})([0.0, 0.0]) == 2


def test_givens_reach_updates_intermediates_shared_variables_and_loops() -> None:
    x, w = ct.dvector("x"), cgrad.shared(np.zeros(2), "w")
    y = x * 2
    f = cgrad.function([x], ct.sum(y + w), updates={w: w + y}, givens={y: x + 1})
    assert f([1.0, 2.0]) == 5
    np.testing.assert_array_equal(w.get_value(), [2, 3])
    assert cgrad.function([x], ct.sum(x + w), givens={w: np.ones(2)})([0.0, 0.0]) == 2
    s = ct.dscalar("s")
    powers = cgrad.scan(lambda a: a * s, outputs_info=ct.constant(1.0), n_steps=3)
    powers = powers[0] if isinstance(powers, tuple) else powers
    np.testing.assert_array_equal(cgrad.function([], powers, givens={s: 2.0})(), [2, 4, 8])


def test_givens_are_checked() -> None:
    x = ct.tensor("x", dtype="float64", shape=(3,))
    with pytest.raises(DTypeError, match="float32"):
        cgrad.function([], x, givens={x: ct.fvector("f")})
    with pytest.raises(RankError, match="replacement"):
        cgrad.function([], x, givens={x: ct.dmatrix("m")})
    with pytest.raises(ShapeError, match="axis 0 has size 2, expected 3"):
        cgrad.function([], x, givens={x: np.ones(2)})
    with pytest.raises(ValueError, match="twice"):
        cgrad.function([], x, givens=[(x, x + 1), (x, x)])
    with pytest.raises(TypeError, match="replace symbols"):
        cgrad.function([], x, givens={"x": x})


def test_an_input_that_givens_remove_is_unused() -> None:
    x = ct.dscalar("x")
    with pytest.warns(UserWarning, match="no output depends on input x"):
        cgrad.function([x], x * 2, givens={x: 3.0})


# -- In ---------------------------------------------------------------------------------------
def test_an_omitted_argument_takes_its_value() -> None:
    x, y, z = ct.dscalars("x", "y", "z")
    f = cgrad.function([x, cgrad.In(y, value=2), cgrad.In(z, name="factor", value=10.0)], x * y + z)
    assert [f(1), f(1, 3), f(1, factor=0), f(x=2, y=5), f(1, 1, 1)] == [12, 13, 2, 20, 2]
    with pytest.raises(CallError, match="missing: x"):
        f()
    with pytest.raises(CallError, match="no argument called 'z'"):
        f(1, z=1)


def test_a_value_may_be_an_array_or_a_shared_variable() -> None:
    x = ct.dvector("x")
    given = np.array([1.0, 2.0])
    f = cgrad.function([cgrad.In(x, value=given)], ct.sum(x))
    given[:] = 0
    assert f() == 3
    w = cgrad.shared(np.ones(4), "w")
    g = cgrad.function([cgrad.In(x, value=w)], ct.sum(x))
    assert g() == 4
    w.set_value(np.ones(2))
    assert [g(), g([5.0])] == [2, 5]
    with pytest.raises(DTypeError, match="expected"):
        cgrad.function([cgrad.In(ct.fvector("f"), value=w), x], ct.sum(x), on_unused_input="ignore")
    with pytest.raises(TypeError, match="symbolic"):
        cgrad.In(x, value=x * 2)


def test_an_update_makes_an_input_stateful() -> None:
    s, step = ct.dscalars("s", "step")
    f = cgrad.function([cgrad.In(s, value=0.0, update=s + step), step], s * 10)
    assert [f(step=1), f(step=2), f(step=1)] == [0, 10, 30]
    assert f(100, 1) == 1000
    assert f(step=0) == 1010
    w = cgrad.shared(1.0, "w")
    double = cgrad.function([cgrad.In(s, value=w, update=2 * s)], [])
    double()
    double()
    assert w.get_value() == 4
    with pytest.raises(ValueError, match="value to begin with"):
        cgrad.In(s, update=s + 1)
    with pytest.raises(ValueError, match="twice"):
        cgrad.function([cgrad.In(s, value=w, update=s + 1)], [], updates={w: w + 1})


def test_mutable_needs_borrow_and_arguments_never_change() -> None:
    x = ct.dvector("x")
    with pytest.raises(ValueError, match="borrow"):
        cgrad.In(x, mutable=True, borrow=False)
    f = cgrad.function([cgrad.In(x, mutable=True)], ct.exp(x))
    given = np.zeros(3)
    assert f(given) is not given
    np.testing.assert_array_equal(given, 0)


def test_strict_converts_nothing() -> None:
    s, v = ct.dscalar("s"), ct.dvector("v")
    f = cgrad.function([cgrad.In(s, strict=True), cgrad.In(v, strict=True)], s * ct.sum(v))
    assert f(np.array(2.0), np.ones(3)) == 6
    assert f(np.array(2.0), np.ones(6)[::2]) == 6
    for bad in ((2.0, np.ones(3)), (np.array(2), np.ones(3)), (np.array(2.0), [1.0])):
        with pytest.raises(CallError, match="is strict"):
            f(*bad)


NUMBERS: list[tuple[str, Any, Any, list[bool]]] = [
    # dtype, argument, and whether it is taken with None, True and False
    ("float32", 0.1, np.float32(0.1), [True, True, False]),
    ("float32", 0.5, 0.5, [True, True, True]),
    ("float32", [0.1, 1.0], np.float32([0.1, 1]), [True, True, False]),
    ("float32", np.array([0.5]), [0.5], [False, True, False]),
    ("float32", np.float64(0.5), 0.5, [False, True, False]),
    ("float32", np.array([1, 2], "int16"), [1, 2], [True, True, True]),
    ("int64", 2.7, 2, [False, True, False]),
    ("int8", 100, 100, [True, True, True]),
    ("int8", np.array([5]), [5], [False, True, False]),
    ("float64", 3, 3, [True, True, True]),
    ("float64", 1j, None, [False, False, False]),
]


@pytest.mark.parametrize(("dtype", "value", "expected", "taken"), NUMBERS)
def test_downcasts(dtype: str, value: Any, expected: Any, taken: list[bool]) -> None:
    x = ct.tensor("x", dtype=dtype, shape=(None,) * np.ndim(value))
    for allow, fits in zip((None, True, False), taken, strict=True):
        other = not allow
        for f in (
            cgrad.function([x], x, allow_input_downcast=allow),
            cgrad.function([cgrad.In(x, allow_downcast=allow)], x, allow_input_downcast=allow),
        ):
            if fits:
                np.testing.assert_array_equal(f(value), expected)
            else:
                with pytest.raises(CallError):
                    f(value)
        if allow is not None:  # the input has the last word
            f = cgrad.function([cgrad.In(x, allow_downcast=allow)], x, allow_input_downcast=other)
            if fits:
                f(value)


# -- copies -----------------------------------------------------------------------------------
def test_a_copy_shares_variables_and_swaps_them() -> None:
    x, w = ct.dscalar("x"), cgrad.shared(1.0, "w")
    f = cgrad.function([x], x * w, updates=[(w, w + x)])
    g = copy.copy(f)
    assert [f(1), g(1)] == [1, 2]
    v = cgrad.shared(10.0, "v")
    h = f.copy(swap={w: v})
    assert [h(1), v.get_value(), w.get_value()] == [10, 11, 3]
    assert h.get_shared() == [v]
    still = f.copy(delete_updates=True, name="still")
    assert [still(2), still(2), w.get_value(), still.name] == [6, 6, 3, "still"]
    with pytest.raises(ValueError, match="does not use"):
        f.copy(swap={v: w})
    with pytest.raises(TypeError, match="dtype or rank"):
        f.copy(swap={w: cgrad.shared(np.ones(2))})


def test_a_copy_has_state_of_its_own() -> None:
    s = ct.dscalar("s")
    f = cgrad.function([cgrad.In(s, value=0.0, update=s + 1)], s)
    f()
    g = f.copy()
    assert [g(), g(), f(), f()] == [1, 2, 1, 2]


# -- eval -------------------------------------------------------------------------------------
def test_eval_takes_symbols_and_names_and_keeps_the_function(monkeypatch: Any) -> None:
    x, y = ct.dscalars("x", "y")
    z = x * 2 + y
    assert z.eval({x: 1, y: 2}) == 4
    assert z.eval({"x": 3, y: 1}) == 7
    assert ct.constant(3).eval() == 3

    def refuse(*_: Any) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(sys.modules["cgrad.function"], "_compile", refuse)
    assert z.eval({x: 5, y: 1}) == 11


def test_eval_says_what_is_missing() -> None:
    x, y = ct.dscalars("x", "y")
    with pytest.raises(ValueError, match="called 'w'; there is: x, y"):
        (x + y).eval({"w": 1})
    with pytest.raises(TypeError, match="not among the inputs"):
        (x + y).eval({x: 1})
    with pytest.raises(TypeError, match="dict"):
        x.eval(3)
    with pytest.raises(ValueError, match="several"):
        (x + ct.dscalar("x")).eval({"x": 1})


# -- what is shown ----------------------------------------------------------------------------
def test_repr_names_types_nests_and_key() -> None:
    x = ct.dvector("x")
    f = cgrad.function([x], ct.exp(x), name="grow")
    text = repr(f)
    assert text.startswith("<compiled grow(x: float64 (x.shape[0],)) -> float64 (x.shape[0],); ")
    assert "1 loop nest, key " in text
    assert "kernel    1 loop nest, 0 workspace slots" in f.explain()
    assert f.dprint(file="str").startswith("exp [id A]")
    named = x * 2
    named.name = "y"
    assert repr(named) == "<y = mul: float64 (x.shape[0],)>"


MESSAGES = {
    1: ["nodes, built"],
    2: ["simplify took", "lower took"],
    3: ["cgrad rewrite ["],
    4: ["after lower", "for i < n (map):", "after place"],
    5: ["the C text", "static int64_t f(", "cgrad runs /"],
}


@pytest.mark.parametrize("level", range(6))
def test_debug_levels_say_more_and_more(level: int, tmp_path: Any) -> None:
    code = (
        "import cgrad, cgrad.tensor as ct; x = ct.dvector('x'); "
        "cgrad.function([x], ct.exp(x) * 1 + 0 * x, name='f')"
    )
    env = {**os.environ, "CGRAD_DEBUG": str(level), "CGRAD_CACHE_DIR": str(tmp_path / "c")}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for needed, pieces in MESSAGES.items():
        for piece in pieces:
            piece = piece.replace("< n (", "< x.shape[0] (")
            assert (piece in run.stderr) == (level >= needed), (piece, run.stderr[:3000])


def test_unused_inputs_of_a_state_are_used() -> None:
    s, t = ct.dscalars("s", "t")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cgrad.function([cgrad.In(s, value=0.0, update=s + t), t], [])
