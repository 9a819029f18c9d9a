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
from cgrad.ops.random import draw
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
    ("gamma", (2.5, None, 2.0), stats.gamma(2.5, scale=2)),
    ("gamma", (0.3, 0.5), stats.gamma(0.3, scale=2)),
    ("gamma", (1e6,), stats.gamma(1e6)),
    ("chisquare", (3.5,), stats.chi2(3.5)),
    ("invgamma", (4.5, 2.0), stats.invgamma(4.5, scale=2)),
    ("gengamma", (2.0, 1.5, 2.0), stats.gengamma(2 / 1.5, 1.5, scale=2)),
    ("beta", (2.0, 3.0), stats.beta(2, 3)),
    ("beta", (0.2, 0.4), stats.beta(0.2, 0.4)),
    ("t", (5.0, 1.0, 2.0), stats.t(5, 1, 2)),
    ("vonmises", (0.0, 2.0), stats.vonmises(2)),
    ("vonmises", (0.0, 40.0), stats.vonmises(40)),
    ("vonmises", (0.0, 1e-9), stats.uniform(-np.pi, 2 * np.pi)),
    ("vonmises", (0.0, 2e6), stats.norm(0, 1 / np.sqrt(2e6))),
    ("wald", (2.0, 3.0), stats.invgauss(2 / 3, scale=3)),
    ("wald", (1e3, 1e-3), stats.invgauss(1e6, scale=1e-3)),
]
DISCRETE = [
    ("integers", (-3, 4), stats.randint(-3, 4)),
    ("bernoulli", (0.3,), stats.bernoulli(0.3)),
    ("geometric", (0.2,), stats.geom(0.2)),
    ("poisson", (3.5,), stats.poisson(3.5)),
    ("poisson", (10.0,), stats.poisson(10)),
    ("poisson", (120.5,), stats.poisson(120.5)),
    ("poisson", (1e12,), stats.norm(1e12, 1e6)),
    ("binomial", (20, 0.3), stats.binom(20, 0.3)),
    ("binomial", (50, 0.8), stats.binom(50, 0.8)),
    ("binomial", (1000, 0.45), stats.binom(1000, 0.45)),
    ("binomial", (10**12, 0.5), stats.norm(5e11, 5e5)),
    ("betabinom", (12, 2.0, 3.0), stats.betabinom(12, 2, 3)),
    ("negative_binomial", (4.0, 0.3), stats.nbinom(4, 0.3)),
    ("nbinom", (2.5, 0.6), stats.nbinom(2.5, 0.6)),
    ("hypergeometric", (15, 40, 12), stats.hypergeom(55, 15, 12)),
    ("hypergeometric", (400, 150, 90), stats.hypergeom(550, 400, 90)),
    ("hypergeometric", (150, 400, 500), stats.hypergeom(550, 150, 500)),
    ("hypergeometric", (30, 20, 45), stats.hypergeom(50, 30, 45)),
    (
        "categorical",
        ([0.2, 0.0, 0.5, 0.3, 0.0],),
        stats.rv_discrete(values=([0, 2, 3], [0.2, 0.5, 0.3])),
    ),
]


def _draws(table, size, seed=1):
    """A draw for each row, each of a generator of its own."""
    keys = random.split(random.key(seed), len(table))
    return [
        getattr(random, name)(keys[k], *args, size=size) for k, (name, args, _) in enumerate(table)
    ]


def _label(row):
    return f"{row[0]}{row[1]}".replace(" ", "")


@pytest.fixture(scope="module")
def drawn():
    """The draws of both tables and of shorter ones, compiled."""
    n = ct.lscalar("n")
    return cgrad.function([n], _draws(CONTINUOUS + DISCRETE, n), name="draws")(N)


def _seen(drawn, row):
    return drawn[(CONTINUOUS + DISCRETE).index(row)]


@pytest.mark.parametrize("row", CONTINUOUS, ids=_label)
def test_continuous_distributions(drawn, row):
    name, _, dist = row
    x = _seen(drawn, row)
    assert x.dtype == "float64"
    assert stats.kstest(x, dist.cdf).pvalue > 1e-3
    # the moments of these are slow to compute, and those of a few draws far away from them
    if name not in ("vonmises", "wald") and np.isfinite(dist.var()):
        assert abs(x.mean() - dist.mean()) < 4 * dist.std() / np.sqrt(N)
        assert abs(x.var() / dist.var() - 1) < 0.2


@pytest.mark.parametrize("row", DISCRETE, ids=_label)
def test_discrete_distributions(drawn, row):
    _, _, dist = row
    x = _seen(drawn, row)
    assert x.dtype == "int64"
    assert abs(x.mean() - dist.mean()) < 4 * dist.std() / np.sqrt(N)
    if not hasattr(dist, "pmf"):
        assert stats.kstest(x, dist.cdf).pvalue > 1e-3
        return
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


def test_streams_go_on_from_step_to_step():
    """Draws of a step differ, in loops of loops too; no call repeats those of the one before."""
    stream = random.RandomStream(4)

    def walk(index):
        return ct.scan(lambda: stream.normal(), n_steps=2, return_updates=False)

    outside = stream.normal()
    inner, _ = ct.scan(walk, sequences=ct.arange(3))
    summed, updates = ct.reduce(lambda e, s: s + stream.normal(), ct.arange(4), 0.0)
    kept, _ = ct.map(lambda e: outside + 0 * e, ct.arange(3.0))
    f = cgrad.function([], [inner, summed, kept])
    g = cgrad.function([], summed, updates=updates)
    first, second = f(), f()
    assert first[0].shape == (3, 2) and len(set(np.ravel([first[0], second[0]]))) == 12
    assert len({float(first[1]), float(second[1]), float(g()), float(g())}) == 4
    assert len(set(first[2])) == 1 and first[2][0] != second[2][0]


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


# name, arguments of which one is not valid
INVALID = [
    ("uniform", (2.0, 1.0)), ("normal", (0.0, -1.0)), ("normal", (np.nan, 1.0)),
    ("lognormal", (0.0, -1.0)), ("halfnormal", (0.0, -1.0)), ("exponential", (-1.0,)),
    ("laplace", (0.0, -1.0)), ("logistic", (0.0, -1.0)), ("gumbel", (0.0, -1.0)),
    ("cauchy", (0.0, -1.0)), ("halfcauchy", (0.0, -1.0)), ("rayleigh", (-1.0,)),
    ("weibull", (0.0,)), ("pareto", (-1.0, 1.0)), ("pareto", (1.0, 0.0)),
    ("triangular", (0.0, 2.0, 1.0)), ("triangular", (1.0, 1.0, 1.0)), ("truncexpon", (-1.0,)),
    ("integers", (3, 3)), ("bernoulli", (1.5,)), ("bernoulli", (np.nan,)), ("geometric", (0.0,)),
    ("geometric", (1.5,)), ("gamma", (-1.0,)), ("gamma", (np.inf,)), ("chisquare", (0.0,)),
    ("invgamma", (0.0, 1.0)), ("invgamma", (1.0, -1.0)), ("gengamma", (1.0, 0.0, 1.0)),
    ("beta", (0.0, 1.0)), ("beta", (1.0, np.nan)), ("t", (0.0,)), ("t", (1.0, 0.0, -1.0)),
    ("vonmises", (0.0, -1.0)), ("vonmises", (np.nan, 1.0)), ("wald", (0.0, 1.0)),
    ("wald", (1.0, -1.0)), ("dirichlet", ([1.0, 0.0],)), ("poisson", (-1.0,)),
    ("poisson", (np.nan,)), ("poisson", (1e300,)), ("binomial", (-1, 0.5)),
    ("binomial", (3, 1.5)), ("binomial", (3, np.nan)), ("binomial", (2**60, 0.5)),
    ("betabinom", (3, 0.0, 1.0)), ("negative_binomial", (0.0, 0.5)),
    ("negative_binomial", (1.0, 0.0)), ("hypergeometric", (-1, 3, 1)),
    ("hypergeometric", (2, 3, 6)), ("hypergeometric", (2**62, 3, 6)),
    ("categorical", ([0.5, -0.1],)), ("categorical", ([0.0, 0.0],)),
    ("categorical", ([np.nan, 1.0],)), ("multinomial", (3, [0.5, -0.1])),
    ("multinomial", (-1, [0.5, 0.5])),
]  # fmt: skip


def test_invalid_parameters_give_nan_or_the_smallest_integer():
    key = random.key(1)
    nodes, given = [], {}
    for k, (name, args) in enumerate(INVALID):
        # as arguments of the function, so that nothing is decided before the call
        params = [
            ct.tensor(
                f"p{k}_{j}",
                dtype="int64" if isinstance(a, int) else "float64",
                shape=(None,) * np.ndim(a),
            )
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


def test_ends_of_the_parameters():
    """Parameters at which a distribution has one value, and shapes of extreme size."""
    key, n, p = random.key(3), ct.lscalar("n"), ct.dscalar("p")
    one, zero = p + 1, p
    nodes = [
        (random.poisson(key, zero, size=9), 0), (random.binomial(key, n, zero, size=9), 0),
        (random.binomial(key, n, one, size=9), 5), (random.binomial(key, n - 5, 0.3, size=9), 0),
        (random.gamma(key, zero, size=9), 0), (random.bernoulli(key, one, size=9), 1),
        (random.bernoulli(key, zero, size=9), 0), (random.geometric(key, one, size=9), 1),
        (random.negative_binomial(key, 3, one, size=9), 0),
        (random.hypergeometric(key, n, 7, 12, size=9), 5),
        (random.hypergeometric(key, n, 7, 0, size=9), 0),
        (random.hypergeometric(key, 0, n, 4, size=9), 0),
        (random.hypergeometric(key, n, 0, 4, size=9), 4),
        (random.multinomial(key, n, [0.0, 2.0, 0.0], size=3), np.array([[0, 5, 0]] * 3)),
        (random.normal(key, 2.0, zero, size=9), 2.0),
    ]  # fmt: skip
    for found, (_, expected) in zip(
        cgrad.function([n, p], [node for node, _ in nodes])(5, 0.0), nodes, strict=True
    ):
        np.testing.assert_array_equal(found, np.broadcast_to(expected, found.shape))
    tiny = random.beta(key, 1e-300, 1e-300, size=2000).eval()
    assert set(tiny) == {0.0, 1.0}
    assert 900 < tiny.sum() < 1100
    shares = random.dirichlet(key, [1e-9, 1e-9], size=4).eval()
    np.testing.assert_allclose(shares.sum(1), 1)


def test_vectors():
    key, n = random.key(8), ct.lscalar("n")
    mean, cov = np.array([1.0, -2.0]), np.array([[2.0, 0.6], [0.6, 0.5]])
    alphas, p = np.array([0.5, 2.0, 3.0]), np.array([0.2, 0.0, 0.5, 0.3])
    rows = ct.dmatrix("rows")
    f = cgrad.function(
        [n, rows],
        [random.multivariate_normal(key, mean, cov, size=n), random.dirichlet(key, alphas, size=n),
         random.multinomial(key, 7, p, size=(n,)), random.categorical(key, rows),
         random.categorical(key, rows, size=(3, n)), random.dirichlet(key, rows),
         random.multinomial(key, ct.arange(n), rows)],
    )  # fmt: skip
    weights = np.tile([[0.0, 3.0], [1.0, 0.0]], (N // 2, 1))
    normal, shares, counts, index, more, each, each_count = f(N, weights)
    assert normal.shape == (N, 2)
    white = np.linalg.solve(np.linalg.cholesky(cov), (normal - mean).T)
    for row in white:
        assert stats.kstest(row, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(white)[0, 1]) < 4 / np.sqrt(N)
    np.testing.assert_allclose(shares.sum(1), 1)
    for k, alpha in enumerate(alphas):
        assert stats.kstest(shares[:, k], stats.beta(alpha, 5.5 - alpha).cdf).pvalue > 1e-3
    assert (counts.sum(1) == 7).all()
    for k in (0, 2, 3):
        seen = np.bincount(counts[:, k], minlength=8)
        assert stats.chisquare(seen, N * stats.binom(7, p[k]).pmf(np.arange(8))).pvalue > 1e-3
    assert not counts[:, 1].any()
    np.testing.assert_array_equal(index, np.tile([1, 0], N // 2))
    np.testing.assert_array_equal(more, np.tile([1, 0], (3, N // 2)))
    assert each.shape == weights.shape
    np.testing.assert_array_equal(each_count.sum(1), np.arange(N))


def test_orders_and_choices():
    n, x = ct.lscalar("n"), ct.dvector("x")
    stream = random.shared_rng(5)
    keys = random.split(stream, 6)
    p = np.array([0.1, 0.4, 0.0, 0.3, 0.2])
    after = stream.advanced()
    f = cgrad.function(
        [n, x],
        [random.permutation(keys[0], n), random.permutation(keys[1], x),
         random.choice(keys[2], x, size=(2, 3)), random.choice(keys[3], n, size=4, replace=False),
         random.choice(keys[4], x, size=(n,), p=p),
         random.choice(keys[5], 5, size=2, replace=False, p=p)],
        updates={stream: after},
    )  # fmt: skip
    x_ = np.arange(5) * 10.0
    runs = [f(6, x_) for _ in range(1200)]
    for order, moved, some, few, _, _ in runs[:20]:
        np.testing.assert_array_equal(np.sort(order), np.arange(6))
        np.testing.assert_array_equal(np.sort(moved), x_)
        assert some.shape == (2, 3)
        assert set(some.flat) <= set(x_)
        assert len(set(few)) == 4
    first = np.bincount([run[0][0] for run in runs], minlength=6)
    assert stats.chisquare(first).pvalue > 1e-3
    seen = np.bincount(np.concatenate([run[4] for run in runs]).astype(int) // 10, minlength=5)
    assert seen[2] == 0
    assert stats.chisquare(seen[p > 0], seen.sum() * p[p > 0]).pvalue > 1e-3
    pairs = np.array([run[5] for run in runs])
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert not (pairs == 2).any()
    first, second = (np.bincount(row, minlength=5) for row in pairs.T)
    expected = [sum(p[j] * p[k] / (1 - p[j]) for j in range(5) if j != k) for k in range(5)]
    assert stats.chisquare(first[p > 0], 1200 * p[p > 0]).pvalue > 1e-3
    assert stats.chisquare(second[p > 0], 1200 * np.array(expected)[p > 0]).pvalue > 1e-3
    np.testing.assert_array_equal(
        random.choice(random.key(1), 5, size=5, replace=False, p=p).eval(), np.iinfo(np.int64).min
    )
    with pytest.raises(cgrad.ShapeError):
        random.choice(random.key(1), n, size=7, replace=False).eval({n: 6})


def test_angles_stay_within_a_turn():
    x = random.vonmises(random.key(2), [3.0, -3.0, 40.0], 5.0, size=(2000, 3)).eval()
    assert (np.abs(x) <= np.pi).all()
    centre = np.angle(np.exp(1j * x).mean(0))
    np.testing.assert_allclose(np.exp(1j * centre), np.exp(1j * np.array([3, -3, 40])), atol=0.05)


UNDEFINED = [
    lambda key, v: random.wald(key, v, size=2),
    lambda key, v: random.wald(key, 1.0, v, size=2),
    lambda key, v: random.vonmises(key, 0.0, v, size=2),
]


@pytest.mark.parametrize("case", range(len(UNDEFINED)))
def test_what_rejection_leaves_undefined(case):
    v = ct.dscalar("v")
    x = ct.sum(UNDEFINED[case](random.key(1), v) ** 2)
    with pytest.raises(cgrad.NullTypeGradError, match="score function"):
        ct.grad(x, v)
    with pytest.raises(cgrad.NullTypeGradError, match="score function"):
        cgrad.Rop(x, v, 1.0)


def test_draws_of_integers_have_no_derivative():
    """Although an integer has a derivative of 0 elsewhere: that of the mean would be missing."""
    v = ct.dvector("v")
    key = random.key(1)
    draws = [
        random.bernoulli(key, v), random.geometric(key, v), random.poisson(key, v),
        random.binomial(key, 5, v), random.betabinom(key, 5, v, 1.0),
        random.negative_binomial(key, v, 0.5), random.categorical(key, v),
        random.multinomial(key, 5, v),
    ]  # fmt: skip
    for x in draws:
        cost = ct.sum(x * v[0])
        for ask in (lambda y: ct.grad(y, v), lambda y: cgrad.Rop(y, v, ct.ones_like(v)),
                    lambda y: ct.jacobian(y, v)):  # fmt: skip
            with pytest.raises(cgrad.NullTypeGradError, match="draw of integers"):
                ask(cost)
    x = draws[0]
    null = ct.grad(ct.sum(x * v), v, null_gradients="return")
    assert "draw of integers" in null.type.why_null
    w = ct.dscalar("w")
    held = [
        ct.grad(ct.sum(cgrad.gradient.zero_grad(x) * v), v),
        ct.grad(ct.sum(random.bernoulli(key, cgrad.gradient.zero_grad(v)) * v), v),
        ct.grad(ct.sum(x * v), v, consider_constant=[x]),
        cgrad.gradient.Rop(ct.sum(x * w), w, 1.0), ct.grad(ct.sum(x * w), w),
    ]  # fmt: skip
    a, b, c, forward, reverse, count = cgrad.function([v, w], [*held, ct.sum(x)])([0.3, 0.8], 2.0)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a, c)
    assert forward == reverse == count == a.sum()


def test_draws_of_integers_in_loops_have_no_derivative():
    a, b, c = ct.dscalar("a"), ct.dscalar("b"), ct.dscalar("c")
    keys = random.split(random.key(1), 4)

    def step(key, x, y, a, c):
        # c reaches the mean of the next step by way of y only
        return [x * a + random.poisson(key, cgrad.gradient.zero_grad(x) + y), y * c]

    (x, _), _ = cgrad.scan(step, sequences=[keys], outputs_info=[b, 1.0], non_sequences=[a, c])
    cost = ct.sum(x)
    for v in (b, c):
        loop = ct.grad(cost, v, null_gradients="return") if v is c else ct.grad(cost, v)
        assert isinstance(loop.type, cgrad.gradient.NullType) == (v is c)
    assert np.isfinite(cgrad.function([a, b, c], ct.grad(cost, [a, b]))(0.5, 1.0, 2.0)).all()


def test_shapes_of_gamma_numbers_hold_the_distribution_function_fixed():
    key, v = random.key(1), ct.dscalar("v")
    x = random.gamma(key, v, size=6)
    log = draw("log_gamma", key, (6,), (ct.full((6,), v),))
    slope = cgrad.Rop(x, v, 1.0)
    second = cgrad.Rop(slope, v, 1.0)
    f = cgrad.function([v], [x, slope, second, ct.grad(ct.sum(x), v), log, cgrad.Rop(log, v, 1.0)])
    for a in (0.4, 1.0, 2.5, 40.0):
        h = 1e-4 * a
        drawn, first, second, total, log, log_slope = f(a)
        share = stats.gamma(a).cdf(drawn)
        low, high = (stats.gamma(a + s).ppf(share) for s in (-h, h))
        np.testing.assert_allclose(first, (high - low) / (2 * h), rtol=1e-5)
        np.testing.assert_allclose(second, (high - 2 * drawn + low) / h**2, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(total, first.sum(), rtol=1e-12)
        np.testing.assert_allclose(log, np.log(drawn), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(log_slope, first / drawn, rtol=1e-9)
    # numbers too small for a double: log x = log(u gamma(a + 1)) / a
    log, log_slope = f(1e-4)[4:]
    share = 1e-4 * log - special.gammaln(1 + 1e-4)
    expected = special.digamma(1 + 1e-4) / 1e-4 - (share + special.gammaln(1 + 1e-4)) / 1e-8
    np.testing.assert_allclose(log_slope, expected, rtol=1e-9)


def test_mean_slopes_of_what_is_made_of_gamma_numbers():
    """The mean of the derivative is the derivative of the mean."""
    a, b, n = ct.dscalar("a"), ct.dscalar("b"), 4000
    keys = random.split(random.key(2), 4)
    shares = random.dirichlet(keys[3], ct.stack([a, b, 1.0]), size=n)[:, 0]
    draws = [random.beta(keys[0], a, b, size=n), random.chisquare(keys[1], a, size=n),
             random.t(keys[2], a + 6, size=n) ** 2, shares]  # fmt: skip
    p, q = 1.3, 2.2
    found = cgrad.function([a, b], [cgrad.Rop(x, a, 1.0) for x in draws])(p, q)
    expected = [q / (p + q) ** 2, 1.0, -2 / (p + 4) ** 2, (q + 1) / (p + q + 1) ** 2]
    for x, mean in zip(found, expected, strict=True):
        assert abs(x.mean() - mean) < 4 * x.std() / np.sqrt(n)


def test_scales_of_rejection_samplers_have_one():
    v = ct.dscalar("v")
    key = random.key(1)
    draws = [
        random.gamma(key, 2.0, scale=v, size=3), random.gamma(key, 2.0, 1 / v, size=3),
        random.invgamma(key, 2.0, v, size=3), random.gengamma(key, 2.0, 3.0, v, size=3),
        random.t(key, 3.0, 0.0, v, size=3),
    ]  # fmt: skip
    nodes = [ct.grad(ct.sum(x), v) for x in draws] + [ct.sum(x) / v for x in draws]
    nodes.append(ct.grad(ct.sum(random.vonmises(key, v, 2.0, size=3)), v))
    found = cgrad.function([v], nodes)(1.3)
    np.testing.assert_allclose(found[:5], found[5:10], rtol=1e-12)
    assert found[10] == 3


def test_messages():
    key = random.key(1)
    with pytest.raises(TypeError, match="the first argument is 0, expected a generator"):
        random.normal(0, 1.0)
    with pytest.raises(TypeError, match="the first argument is None, expected a generator"):
        random.uniform()
    for forgotten in (random.dirichlet, random.choice):
        with pytest.raises(TypeError, match="expected a generator"):
            forgotten([1.0, 2.0])
    with pytest.raises(cgrad.ShapeError, match="does not broadcast to the size"):
        random.normal(key, [1.0, 2.0], size=(3,))
    with pytest.raises(cgrad.ShapeError, match="does not broadcast to the size"):
        random.normal(key, np.zeros((2, 3)), size=(3,))
    with pytest.raises(cgrad.DTypeError, match="high is float64, expected integers"):
        random.integers(key, 0, 2.5)
    with pytest.raises(cgrad.DTypeError, match="expected float64 or float32"):
        random.normal(key, dtype="int64")
    with pytest.raises(cgrad.DTypeError, match="n is float64, expected integers"):
        random.binomial(key, 2.5, 0.5)
    with pytest.raises(cgrad.RankError, match="p is a scalar"):
        random.categorical(key, 0.5)
    with pytest.raises(cgrad.RankError, match="p has more axes"):
        random.categorical(key, np.ones((2, 3)), size=())
    with pytest.raises(cgrad.RankError, match="more than one axis"):
        random.choice(key, np.ones((2, 3)))
    with pytest.raises(cgrad.RankError, match="expected mean"):
        random.multivariate_normal(key, 0.0, np.eye(2))
    with pytest.raises(cgrad.RankError, match="alphas is a scalar"):
        random.dirichlet(key, 1.0)
    with pytest.raises(TypeError, match="n is float64, expected integers"):
        random.multinomial(key, 2.5, [0.5, 0.5])
    with pytest.raises(ValueError, match="rate and scale"):
        random.gamma(key, 1.0, 2.0, 3.0)
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
