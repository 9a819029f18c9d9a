"""Generators and draws: NumPy's words, distributions against SciPy's, updates, derivatives."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from scipy import special, stats

import cgrad
import cgrad.tensor as ct
from cgrad.core.evaluate import evaluate
from cgrad.ops.philox import normal_quantile, words
from cgrad.tensor import random

N = 20_000
FLOAT64_TINY = 2.0**-53

# name, arguments, the distribution by SciPy
CONTINUOUS = [
    ("uniform", (-1.0, 3.0), stats.uniform(-1, 4)),
    ("normal", (1.0, 2.0), stats.norm(1, 2)),
    ("standard_normal", (), stats.norm()),
    ("lognormal", (0.3, 0.7), stats.lognorm(0.7, scale=np.exp(0.3))),
    ("halfnormal", (1.0, 2.0), stats.halfnorm(1, 2)),
    ("exponential", (2.5,), stats.expon(scale=2.5)),
    ("laplace", (1.0, 2.0), stats.laplace(1, 2)),
    ("logistic", (1.0, 2.0), stats.logistic(1, 2)),
    ("gumbel", (1.0, 2.0), stats.gumbel_r(1, 2)),
    ("cauchy", (1.0, 2.0), stats.cauchy(1, 2)),
    ("halfcauchy", (1.0, 2.0), stats.halfcauchy(1, 2)),
    ("rayleigh", (2.0,), stats.rayleigh(scale=2)),
    ("weibull", (1.7,), stats.weibull_min(1.7)),
    ("pareto", (3.0, 2.0), stats.pareto(3, scale=2)),
    ("triangular", (-1.0, 0.5, 4.0), stats.triang(0.3, -1, 5)),
    ("truncexpon", (1.5, 1.0, 2.0), stats.truncexpon(1.5, 1, 2)),
]
DISCRETE = [
    ("integers", (-3, 4), stats.randint(-3, 4)),
    ("bernoulli", (0.3,), stats.bernoulli(0.3)),
    ("geometric", (0.2,), stats.geom(0.2)),
]


def _draws(table, size, seed=1):
    """A draw for each row, each of a generator of its own."""
    keys = random.split(random.key(seed), len(table))
    return [
        getattr(random, name)(keys[k], *args, size=size) for k, (name, args, _) in enumerate(table)
    ]


@pytest.fixture(scope="module")
def drawn():
    """The draws of both tables and of shorter ones, compiled."""
    n = ct.lscalar("n")
    return cgrad.function([n], _draws(CONTINUOUS + DISCRETE, n), name="draws")(N)


def _seen(drawn, name):
    names = [row[0] for row in CONTINUOUS + DISCRETE]
    return drawn[names.index(name)]


@pytest.mark.parametrize("row", CONTINUOUS, ids=lambda row: row[0])
def test_continuous_distributions(drawn, row):
    name, _, dist = row
    x = _seen(drawn, name)
    assert x.dtype == "float64"
    assert stats.kstest(x, dist.cdf).pvalue > 1e-3
    if np.isfinite(dist.var()):
        assert abs(x.mean() - dist.mean()) < 4 * dist.std() / np.sqrt(N)
        assert abs(x.var() / dist.var() - 1) < 0.2


@pytest.mark.parametrize("row", DISCRETE, ids=lambda row: row[0])
def test_discrete_distributions(drawn, row):
    name, _, dist = row
    x = _seen(drawn, name)
    assert x.dtype == "int64"
    assert abs(x.mean() - dist.mean()) < 4 * dist.std() / np.sqrt(N)
    low, high = dist.ppf([1e-3, 1 - 1e-3]).astype(int)
    values = np.arange(low, high + 1)
    share = dist.pmf(values)
    values, share = values[share * N > 5], share[share * N > 5]
    seen = np.array([np.sum(x == v) for v in values])
    # the rest is one more class
    seen, share = np.append(seen, N - seen.sum()), np.append(share, 1 - share.sum())
    kept = share > 1e-12
    assert seen[~kept].sum() == 0
    assert stats.chisquare(seen[kept], N * share[kept] / share[kept].sum()).pvalue > 1e-3


def test_compiled_draws_are_those_of_the_reference(drawn):
    """And so a draw of 50 begins as one of 20 000 does."""
    for (name, *_), found, expected in zip(
        CONTINUOUS + DISCRETE, drawn, evaluate(_draws(CONTINUOUS + DISCRETE, 50), {}), strict=True
    ):
        np.testing.assert_allclose(found[:50], expected, rtol=1e-11, err_msg=name)


def test_words_are_those_of_philox():
    d, key = 7, np.array([5, 2**63 + 3], np.uint64)
    seed = 2**70 + 1
    rng, n = random.rng("rng"), ct.lscalar("n")
    own = random.key(seed)
    f = cgrad.function(
        [rng, n], [random.bits(rng, n), random.bits(own, (n, 3)), random.uniform(own, size=n)]
    )
    raw, matrix, unit = f(np.array([*key, d], np.uint64), 1001)
    philox = np.random.Philox(key=key, counter=np.array([0, 0, d, 0], np.uint64))
    np.testing.assert_array_equal(raw, philox.random_raw(1001))
    np.testing.assert_array_equal(matrix.ravel(), np.random.Philox(seed).random_raw(3003))
    generator = np.random.Generator(np.random.Philox(seed))
    np.testing.assert_array_equal(unit, generator.random(1001))
    # the reference, whose counter goes beyond 2^64 nowhere
    np.testing.assert_array_equal(
        [int(w[0]) for w in words((5, 2**63 + 3), [1], 0, d, 0)], [int(w) for w in raw[:4]]
    )


def test_normal_quantile():
    p = np.concatenate([2.0 ** -np.arange(1, 53.5, 0.25), np.linspace(1e-3, 1 - 1e-3, 999)])
    p = p[p != 0.5]
    np.testing.assert_allclose(normal_quantile(p), special.ndtri(p), rtol=2e-15)


def test_children_differ_and_depend_on_nothing_else():
    rng, n = random.rng("rng"), ct.lscalar("n")
    f = cgrad.function([rng, n], [random.split(rng, n), random.fold_in(rng, ct.arange(n))])
    given = random.words_of(3)
    split, folded = f(given, 100)
    assert split.shape == folded.shape == (100, 3)
    assert not split[:, 2].any()
    keys = {
        tuple(row)
        for row in np.vstack(
            [split, folded, f(given + np.array([0, 0, 1], np.uint64), 100)[0], [given]]
        )
    }
    assert len(keys) == 301
    np.testing.assert_array_equal(f(given, 7)[0], split[:7])
    k = ct.lscalar("k")
    symbolic = cgrad.function([k], random.uniform(random.key(k), size=3))
    assert not np.array_equal(symbolic(4), symbolic(5))
    one = random.fold_in(random.key(3), 12)
    np.testing.assert_array_equal(one.eval(), random.fold_in(random.key(3), [11, 12]).eval()[1])


def test_seeds():
    np.testing.assert_array_equal(random.words_of(5), random.words_of(np.random.SeedSequence(5)))
    assert not np.array_equal(random.words_of(), random.words_of())
    with pytest.raises(TypeError, match="a seed is an int"):
        random.key(1.5)
    # another seed is the same kernel
    made = [cgrad.function([], random.uniform(random.key(s), size=2)) for s in (1, 2)]
    assert made[0]._kernel.key == made[1]._kernel.key
    assert not np.array_equal(made[0](), made[1]())


def test_updates_advance_a_shared_generator():
    rng = random.shared_rng(3, name="rng")
    after, x = rng.normal(0.0, 1.0, size=(2,))
    last, y = after.uniform(size=2)
    f = cgrad.function([], [x, y], updates={rng: last})
    begin = rng.get_value()
    first, second = f(), f()
    assert rng.get_value()[2] == 4
    np.testing.assert_array_equal(rng.get_value()[:2], begin[:2])
    values = np.concatenate([*first, *second])
    assert len(set(values)) == 8
    rng.seed(3)
    np.testing.assert_array_equal(f(), first)
    fixed = cgrad.function([], x)
    rng.set_value(begin)
    np.testing.assert_array_equal(fixed(), fixed())
    np.testing.assert_array_equal(fixed(), first[0])


def test_streams_update_by_default():
    stream = random.RandomStream(4)
    x, y = stream.normal(size=3), stream.uniform(size=3)
    both = cgrad.function([], [x, y])
    (a, b), (c, d) = both(), both()
    assert len(set(np.concatenate([a, b, c, d]))) == 12
    assert len(stream.updates()) == 2
    kept = cgrad.function([], x, no_default_updates=True)
    np.testing.assert_array_equal(kept(), kept())
    first = stream.updates()[0][0]
    partly = cgrad.function([], [x, y], no_default_updates=[first])
    e, g = partly(), partly()
    np.testing.assert_array_equal(e[0], g[0])
    assert not np.array_equal(e[1], g[1])
    stream.seed(4)
    np.testing.assert_array_equal(both()[0], a)
    # an explicit update takes the place of the default one
    mine = cgrad.function([], x, updates={first: first})
    np.testing.assert_array_equal(mine(), mine())
    with pytest.raises(TypeError, match="no_default_updates is 3"):
        cgrad.function([], x, no_default_updates=3)


def test_default_updates_of_what_default_updates_read():
    a, b = cgrad.shared(1.0), cgrad.shared(10.0)
    a.default_update, b.default_update = a + b, b * 2
    f = cgrad.function([], a)
    assert [float(f()) for _ in range(3)] == [1, 11, 31]
    assert b.get_value() == 80
    b.default_update = ct.dvector("v")
    with pytest.raises(cgrad.RankError, match="default update"):
        cgrad.function([], a)


def test_pickles_keep_generators_and_updates():
    x = random.RandomStream(4).normal(size=3)
    f = cgrad.function([], x)
    f()
    g = pickle.loads(pickle.dumps(f))
    h = cgrad.function([], pickle.loads(pickle.dumps(x)))
    expected = [f(), f()]
    np.testing.assert_array_equal([g(), g()], expected)
    np.testing.assert_array_equal([h(), h()], expected)
    rng = random.shared_rng(1)
    rng.default_update = rng.advanced()
    for other in (copy.copy(rng), copy.deepcopy(rng), pickle.loads(pickle.dumps(rng))):
        assert isinstance(other, random.SharedGenerator)
        assert other.default_update is not None
        np.testing.assert_array_equal(other.get_value(), rng.get_value())


def test_any_number_of_threads_draws_the_same(monkeypatch):
    n = ct.lscalar("n")
    key = random.key(9)
    out = [random.normal(key, 1.0, 2.0, size=n), ct.sum(random.exponential(key, size=(n, 2)))]
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("CGRAD_NUM_THREADS", threads)
        found.append(cgrad.function([n], out)(200_003))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_parameters_broadcast_to_the_size():
    key, n = random.key(2), ct.lscalar("n")
    loc, scale = ct.dvector("loc"), ct.tensor("scale", shape=(None, 1))
    z = random.standard_normal(key, size=(n, loc.shape[0]))
    f = cgrad.function(
        [n, loc, scale],
        [random.normal(key, loc, scale, size=(n, loc.shape[0])), random.normal(key, loc, scale),
         loc + scale * z, random.normal(key, 0, 1, size=()), random.uniform(key, dtype="float32"),
         random.integers(key, loc.shape[0], size=(5,), dtype="int8")],
    )  # fmt: skip
    a, b, expected, scalar, single, short = f(2, [0.0, 1.0, 2.0], [[1.0], [2.0]])
    np.testing.assert_array_equal(a, expected)
    np.testing.assert_array_equal(b, expected)
    assert scalar.shape == single.shape == ()
    assert single.dtype == "float32"
    assert short.dtype == "int8"
    assert set(short) <= {0, 1, 2}
    with pytest.raises(cgrad.ShapeError, match="axis 0"):
        f(3, [0.0, 1.0, 2.0], [[1.0], [2.0]])


def test_single_precision():
    key = random.key(2)
    wide, single, unit = cgrad.function(
        [],
        [random.gumbel(key, size=N), random.gumbel(key, size=N, dtype="float32"),
         random.uniform(key, size=N, dtype="float32")],
    )()  # fmt: skip
    assert single.dtype == unit.dtype == "float32"
    np.testing.assert_array_equal(single, wide.astype("float32"))
    assert unit.max() < 1
    assert stats.kstest(unit, "uniform").pvalue > 1e-3


# name, valid arguments, arguments of which one is not valid
INVALID = [
    ("uniform", (2.0, 1.0)), ("normal", (0.0, -1.0)), ("normal", (np.nan, 1.0)),
    ("lognormal", (0.0, -1.0)), ("halfnormal", (0.0, -1.0)), ("exponential", (-1.0,)),
    ("laplace", (0.0, -1.0)), ("logistic", (0.0, -1.0)), ("gumbel", (0.0, -1.0)),
    ("cauchy", (0.0, -1.0)), ("halfcauchy", (0.0, -1.0)), ("rayleigh", (-1.0,)),
    ("weibull", (0.0,)), ("pareto", (-1.0, 1.0)), ("pareto", (1.0, 0.0)),
    ("triangular", (0.0, 2.0, 1.0)), ("triangular", (1.0, 1.0, 1.0)), ("truncexpon", (-1.0,)),
    ("integers", (3, 3)), ("bernoulli", (1.5,)), ("bernoulli", (np.nan,)), ("geometric", (0.0,)),
    ("geometric", (1.5,)),
]  # fmt: skip


def test_invalid_parameters_give_nan_or_the_smallest_integer():
    key = random.key(1)
    nodes, given = [], {}
    for k, (name, args) in enumerate(INVALID):
        # as arguments of the function, so that nothing is decided before the call
        params = [
            ct.tensor(f"p{k}_{j}", dtype="int64" if isinstance(a, int) else "float64", shape=())
            for j, a in enumerate(args)
        ]
        given.update(zip(params, args, strict=True))
        nodes.append(getattr(random, name)(key, *params, size=2))
    for (name, args), value in zip(
        INVALID, cgrad.function(list(given), nodes)(*given.values()), strict=True
    ):
        low = np.iinfo(np.int64).min
        bad = value == low if value.dtype == "int64" else np.isnan(value)
        assert bad.all(), (name, args, value)


def test_messages():
    key = random.key(1)
    with pytest.raises(TypeError, match="the first argument is 0, expected a generator"):
        random.normal(0, 1.0)
    with pytest.raises(cgrad.ShapeError, match="does not broadcast to the size"):
        random.normal(key, [1.0, 2.0], size=(3,))
    with pytest.raises(cgrad.ShapeError, match="does not broadcast to the size"):
        random.normal(key, np.zeros((2, 3)), size=(3,))
    with pytest.raises(cgrad.DTypeError, match="high is float64, expected integers"):
        random.integers(key, 0, 2.5)
    with pytest.raises(cgrad.DTypeError, match="expected float64 or float32"):
        random.normal(key, dtype="int64")
    with pytest.raises(cgrad.DTypeError, match="data is float64"):
        random.fold_in(key, 1.5)
    v = ct.tensor("v", dtype="uint64", shape=(None,))
    with pytest.raises(cgrad.ShapeError, match="a generator or of a parameter has size 2"):
        cgrad.function([v], random.uniform(v))(np.zeros(2, np.uint64))


def test_reparameterised_derivatives():
    """d draw / d parameter with the random number held fixed, and the second of the lognormal."""
    key = random.key(6)
    loc, scale, shape = ct.dscalar("loc"), ct.dscalar("scale"), ct.dscalar("shape")
    size = (4,)
    w = np.array([1.0, -2.0, 0.5, 3.0])
    cases = []
    for name in ("normal", "halfnormal", "laplace", "logistic", "gumbel", "cauchy", "halfcauchy"):
        x = getattr(random, name)(key, loc, scale, size=size)
        z = getattr(random, name)(key, 0.0, 1.0, size=size)
        cases += [(x, loc, ct.ones_like(z)), (x, scale, z)]
    x = random.lognormal(key, loc, scale, size=size)
    z = random.standard_normal(key, size=size)
    cases += [(x, loc, x), (x, scale, z * x), (random.exponential(key, scale, size=size), scale,
                                               random.exponential(key, size=size))]  # fmt: skip
    x = random.weibull(key, shape, size=size)
    cases.append((x, shape, -ct.log(x) * x / shape))
    x = random.pareto(key, shape, scale, size=size)
    cases += [(x, shape, -ct.log(x / scale) * x / shape), (x, scale, x / scale)]
    u = random.uniform(key, size=size)
    cases.append((random.uniform(key, loc, loc + scale, size=size), scale, u))
    nodes = []
    for x, wrt, expected in cases:
        nodes += [ct.grad(ct.sum(w * x), wrt), cgrad.Rop(ct.sum(w * x), wrt, 1.0),
                  ct.sum(w * expected)]  # fmt: skip
    x = random.lognormal(key, loc, scale, size=size)
    nodes += [ct.grad(ct.grad(ct.sum(x), loc), scale), ct.sum(z * x), ct.sum(z * x)]
    found = cgrad.function([loc, scale, shape], nodes)(0.3, 1.2, 1.7)
    for back, ahead, expected in zip(*[iter(found)] * 3, strict=True):
        np.testing.assert_allclose(back, expected, rtol=1e-12)
        np.testing.assert_allclose(ahead, expected, rtol=1e-12)
    t = ct.dscalar("t")
    tri, cut = (
        ct.sum(random.triangular(key, t, 1.0, 3.0, size=size)),
        ct.sum(random.truncexpon(key, t + 1, size=size)),
    )
    cgrad.verify_grad(lambda v: ct.sum(random.triangular(key, v, 1.0, 3.0, size=size)), [0.4])
    cgrad.verify_grad(lambda v: ct.sum(random.truncexpon(key, v, size=size)), [1.4])
    assert np.isfinite(cgrad.function([t], [ct.grad(tri, t), ct.grad(cut, t)])(0.4)).all()


def test_a_generator_has_no_derivative():
    rng = random.rng("rng")
    with pytest.raises(cgrad.DTypeError, match="rng has dtype uint64"):
        ct.grad(random.normal(rng), rng)
    v = ct.dvector("v")
    made = random.fold_in(random.key(3), ct.sum(v).astype("int64"))
    with pytest.raises(cgrad.DisconnectedInputError):
        ct.grad(random.normal(made), v)
