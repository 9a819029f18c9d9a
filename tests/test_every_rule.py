"""Every rule on the examples it declares: it fires, keeps types, and both sides agree.

Exact rules agree bit for bit (nan with nan, zeros with their sign) on random and special values;
the others are measured against mpmath and may not be worse than what the user wrote.
"""

from __future__ import annotations

import inspect
import itertools
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from oracle_mp import exact, mp

from cgrad.core.evaluate import evaluate
from cgrad.core.node import Node, TensorType, make_input
from cgrad.core.rewrite import Rule, RuleSet, rewrite
from cgrad.ops.elementwise import apply
from cgrad.rewrites import CANONICAL, EXPAND, STABILISE
from cgrad.rewrites.canonical import CONSTANTS
from cgrad.rewrites.matmul import PRODUCTS
from cgrad.rewrites.patterns import Example

SPECIALS = [
    0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 2.2250738585072014e-308,
    1e300, -1e300, 1e-300, -1e-300, 36.0, -36.0, 745.0, -745.0, 800.0, -800.0, 0.5, -2.0, 3.0,
    1e-17, -1e-9, 0.1, -0.7, 2.5, 709.9, -709.9, 88.8, -104.0,
]  # fmt: skip
INTS = [0, 1, -1, 2, -3, 7, 2**62, -(2**62), 2**63 - 1, -(2**63)]
SHAPES = [(), (3,), (2, 3), (0,)]
EXACT = RuleSet("exact", [rule for rule in CANONICAL.rules if rule.exact])
# Rules that round an exponent or a logarithm: units allowed for each unit of |log(result)|, and
# units of 1.  What the old side loses there is the same, it only overflows sooner.
ROUNDED = {
    "share_of_exps": (4, 0), "softmax": (4, 0), "log_softmax": (0, 4), "log_sum_exp": (0, 4),
    "logdiffexp": (0, 800), "scaled_erfc": (4, 0), "log_sigmoid_difference": (0, 800),
    "log_sigmoid_plus_exp": (0, 4), "log_add_exp": (0, 4), "log1p_exp": (4, 0),
    "log_half_erfc": (4, 0), "log_product": (0, 800),
}  # fmt: skip
# Rules of logarithms whose old side rounds a negative argument to 0 and answers -inf: nan is right.
OUTSIDE = {"log1mexp", "logdiffexp", "log_sigmoid_difference", "log_product"}
SETS = {"canonical": CANONICAL, "stabilise": STABILISE, "expand": EXPAND, "products": PRODUCTS}
CASES = [
    pytest.param(rule, example, group, id=f"{group}-{rule.name}-{k}")
    for group, rules in SETS.items()
    for rule in rules.rules
    for k, example in enumerate(rule.examples)
]


def test_the_sets_are_not_empty():
    assert len(CANONICAL.rules) >= 90
    assert len(STABILISE.rules) >= 15
    assert all(rule.examples for rules in SETS.values() for rule in rules.rules)
    assert all("->" in rule.equation for rules in SETS.values() for rule in rules.rules)


def names_of(example: Any) -> list[str]:
    if isinstance(example, Example):
        return list(example.names)
    return list(inspect.signature(example).parameters)


def kinds(names: list[str]) -> Iterator[dict[str, str]]:
    """The dtypes to try: floats of both widths, and integers where a name allows them."""
    for dtype in ("float64", "float32", "int64"):
        wanted = {
            name: "int64" if name in "ij" else "bool" if name in "pq" else dtype for name in names
        }
        if dtype == "int64" and not any(name in "nm" for name in names):
            continue
        if dtype == "float32" and all(name in "ijpq" for name in names):
            continue
        yield wanted


def shapes_of(name: str) -> list[tuple[int, ...]]:
    return {"s": [()], "vec": [(3,), (0,)], "mat": [(2, 3), (0, 2), (3, 1)]}.get(name, SHAPES)


def sample(dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    pool = INTS if dtype == "int64" else SPECIALS
    special = rng.choice(np.array(pool), shape)
    if dtype == "int64":
        return special
    plain = rng.normal(size=shape) * 3
    with np.errstate(over="ignore"):
        return np.where(rng.random(shape) < 0.5, special, plain).astype(dtype)


def crossed(dtypes: list[str], rng: np.random.Generator) -> list[np.ndarray]:
    """Every combination of special values (or many of them), a vector for each input."""
    pools = []
    for dtype in dtypes:
        pools.append([False, True] if dtype == "bool" else INTS if dtype == "int64" else SPECIALS)
    combos = list(itertools.product(*pools))
    if len(combos) > 300:
        combos = [combos[k] for k in rng.choice(len(combos), 300, replace=False)]
    with np.errstate(over="ignore"):
        columns = zip(*combos, strict=True)
        return [np.array(c).astype(d) for c, d in zip(columns, dtypes, strict=True)]


def graphs(example: Any, rng: np.random.Generator) -> Iterator[tuple[Node, dict[Node, Any], bool]]:
    """(graph, values, elementwise): the example on inputs of every dtype and shape."""
    names = names_of(example)
    if not names:
        yield example(), {}, False
        return
    fixed = any(name in ("s", "vec", "mat") for name in names)
    for dtypes in kinds(names):
        choices = [shapes_of(next((n for n in names if n in ("vec", "mat")), "x"))]
        for shape in choices[0]:
            for static in (False, True):
                values = [sample(dtypes[n], () if n == "s" else shape, rng) for n in names]
                yield from built(example, names, dtypes, values, static)
        if not fixed and len(names) <= 3:
            values = crossed([dtypes[n] for n in names], rng)
            yield from built(example, names, dtypes, values, False)


def built(example, names, dtypes, values, static):
    inputs = [
        make_input(TensorType(dtypes[n], v.shape if static else (None,) * v.ndim), n)
        for n, v in zip(names, values, strict=True)
    ]
    with np.errstate(all="ignore"):
        out = example(*inputs)
    yield out, dict(zip(inputs, values, strict=True)), static


def fired(out: Node, rules: RuleSet) -> tuple[Node, set[str]]:
    found: set[str] = set()
    (new,) = rewrite([out], rules, trace=lambda rule, old, new: found.add(rule.name))
    return new, found


def same_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind == "c":
        return same_bits(a.real, b.real) & same_bits(a.imag, b.imag)
    if a.dtype.kind != "f":
        return a == b
    return (np.isnan(a) & np.isnan(b)) | ((a == b) & (np.signbit(a) == np.signbit(b)))


def rules_for(rule: Rule, group: str) -> RuleSet:
    if group == "expand":
        return EXPAND | CONSTANTS
    if group == "products":
        return PRODUCTS
    if group == "stabilise":
        return CANONICAL | STABILISE
    return EXACT if rule.exact else CANONICAL


@pytest.mark.parametrize(("rule", "example", "group"), CASES)
def test_rule(rule: Rule, example: Any, group: str) -> None:
    rng = np.random.default_rng(zlib.crc32(rule.name.encode()))
    rules = rules_for(rule, group)
    seen: set[str] = set()
    for out, given, static in graphs(example, rng):
        new, names = fired(out, rules)
        if not static:
            seen |= names
        with np.errstate(all="ignore"):
            (before,), (after,) = evaluate([out], given), evaluate([new], given)
        assert (before.dtype, before.shape) == (after.dtype, after.shape)
        assert after.dtype.name == new.dtype
        if rule.exact:
            agree = same_bits(before, after)
            assert np.all(agree), report(given, before, after, ~agree)
        else:
            outside = rule.name in OUTSIDE
            check_accuracy(out, given, before, after, ROUNDED.get(rule.name, (0, 0)), outside)
    assert rule.name in seen, f"{rule!r} did not fire on its example, only {sorted(seen)}"


def report(given: dict[Node, Any], before: Any, after: Any, where: Any) -> str:
    lines = [f"{int(np.sum(where))} differ"]
    for index in list(zip(*np.nonzero(np.atleast_1d(where)), strict=True))[:5]:
        at = [f"{node.name} = {value.reshape(-1)[:9]!r}" if value.shape != before.shape else
              f"{node.name} = {np.atleast_1d(value)[index]!r}"
              for node, value in given.items()]  # fmt: skip
        a, b = np.atleast_1d(before)[index], np.atleast_1d(after)[index]
        lines.append(f"  {', '.join(at)}: {a!r} became {b!r}")
    return "\n".join(lines)


def check_accuracy(
    out: Node,
    given: dict[Node, Any],
    before: Any,
    after: Any,
    slack: tuple[int, int],
    outside: bool = False,
) -> None:
    """`after` is as near to the truth as `before`, or within a few units in the last place."""
    if before.dtype.kind == "c":
        pairs = zip(np.ravel(before), np.ravel(after), strict=True)
        assert all(_near(a.real, b.real) and _near(a.imag, b.imag) for a, b in pairs)
        return
    if before.dtype.kind != "f":
        assert np.array_equal(before, after)
        return
    finite = {node: np.where(np.isnan(v), 0.5, v) for node, v in given.items()}
    with mp.workprec(2600):
        (truth,) = exact([out], finite)
        info = np.finfo(before.dtype)
        bad = np.zeros(before.shape, bool)
        special = np.zeros(before.shape, bool)
        for v in given.values():
            wild = np.isnan(v)
            special |= wild if wild.shape == before.shape else bool(np.any(wild))
        # infinite inputs: a nan that was there may stay
        wild_input = any(not np.all(np.isfinite(v)) for v in given.values())
        for index in np.ndindex(before.shape):
            old, new, true = before[index], after[index], truth[index]
            if special[index] or mp.isnan(true):
                # what was a number stays that number; nan may become one
                zero = outside and old == -np.inf and np.isnan(new)
                bad[index] = not (np.isnan(old) or _near(old, new) or zero)
                continue
            if np.isnan(new) and np.isnan(old) and wild_input:
                continue
            bad[index] = not _close_enough(old, new, true, info, slack)
    assert not np.any(bad), report(given, before, after, bad)


def _near(a: Any, b: Any) -> bool:
    return bool(a == b) or bool(abs(a - b) <= 1e-5 * abs(a)) or bool(np.isnan(a) and np.isnan(b))


def _close_enough(old: Any, new: Any, true: Any, info: Any, slack: tuple[int, int]) -> bool:
    if np.isnan(new):
        return False
    largest = mp.mpf(float(info.max))
    if mp.isinf(true) or not np.isfinite(new):
        return bool(abs(true) > largest * (1 - mp.mpf(float(info.eps)) * 4)) and (new > 0) == (
            true > 0
        )
    error = abs(mp.mpf(float(new)) - true)
    unit = max(abs(true) * mp.mpf(float(info.eps)), mp.mpf(float(info.smallest_subnormal)))
    relative, absolute = slack
    allowed = 8 + (relative * abs(mp.log(abs(true))) if relative and true else 0)
    if error <= allowed * unit + absolute * mp.mpf(float(info.eps)):
        return True
    return bool(np.isfinite(old)) and error <= abs(mp.mpf(float(old)) - true)


@pytest.mark.parametrize(
    ("text", "left", "right", "exact_rule"),
    [("x + 0 -> x", lambda x: x + 0.0, lambda n: n.args[0], True),
     ("x - x -> 0", lambda x: x - x, lambda n: n.args[0] * 0, True),
     ("x + x -> x", lambda x: x + x, lambda n: n.args[0], False),
     ("log(x) -> 1.00000001 log(x)", lambda x: apply("log", x), lambda n: n * 1.00000001, False)],
)  # fmt: skip
def test_a_wrong_rule_is_caught(text: str, left: Any, right: Any, exact_rule: bool) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match="differ"):
        for out, given, _ in graphs(left, rng):
            with np.errstate(all="ignore"):
                (before,), (after,) = evaluate([out], given), evaluate([right(out)], given)
            if exact_rule:
                agree = same_bits(before, after)
                assert np.all(agree), report(given, before, after, ~agree)
            else:
                check_accuracy(out, given, before, after, (0, 0))
