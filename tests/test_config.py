"""Settings: read when used, checked, and refused where they would do harm."""

import pytest

from cgrad import config
from cgrad.errors import ConfigError


def test_values_are_read_when_used(monkeypatch):
    monkeypatch.delenv("CGRAD_DEBUG", raising=False)
    assert config.debug.get() == 0
    monkeypatch.setenv("CGRAD_DEBUG", "3")
    assert config.debug.get() == 3


@pytest.mark.parametrize(
    ("text", "value"), [("500M", 500 << 20), ("2g", 2 << 30), ("17", 17), ("0", 0)]
)
def test_byte_counts(monkeypatch, text, value):
    monkeypatch.setenv("CGRAD_CACHE_SIZE", text)
    assert config.cache_size.get() == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("CGRAD_DEBUG", "6"),
        ("CGRAD_DEBUG", "much"),
        ("CGRAD_CACHE", "yes"),
        ("CGRAD_CACHE_SIZE", "G"),
        ("CGRAD_CACHE_SIZE", "-1"),
        ("CGRAD_NUM_THREADS", "0"),
        ("CGRAD_CFLAGS", "'unfinished"),
    ],
)
def test_nonsense_is_refused(monkeypatch, variable, text):
    monkeypatch.setenv(variable, text)
    switch = next(switch for switch in config.SWITCHES if switch.variable == variable)
    with pytest.raises(ConfigError, match=variable):
        switch.get()


@pytest.mark.parametrize(
    "flags",
    [
        "-fplugin=evil.so", "-specs=x", "--specs=x", "-B/tmp", "-wrapper x", "@file", "-Wl,@file",
        "-o x", "-x c++", "-ffast-math", "-Ofast", "-O3 -ffinite-math-only", "-I dir", "x.c", "-c",
    ],
)  # fmt: skip
def test_harmful_flags_are_refused(monkeypatch, flags):
    monkeypatch.setenv("CGRAD_CFLAGS", flags)
    with pytest.raises(ConfigError, match="CGRAD_CFLAGS"):
        config.cflags.get()


def test_useful_flags_are_taken(monkeypatch):
    monkeypatch.setenv("CGRAD_CFLAGS", "-g -O1 -DNAME='a b' -fsanitize=address")
    assert config.cflags.get() == ("-g", "-O1", "-DNAME=a b", "-fsanitize=address")


def test_rows_are_documented_and_unique():
    assert len({switch.variable for switch in config.SWITCHES}) == len(config.SWITCHES)
    for switch in config.SWITCHES:
        assert switch.variable.startswith("CGRAD_")
        assert len(switch.doc) > 20


def test_flags_change_for_a_while(monkeypatch):
    monkeypatch.setenv("CGRAD_DEBUG", "3")
    monkeypatch.delenv("CGRAD_OFFLINE", raising=False)
    with config.change_flags(debug=1, offline=True):
        assert config.debug.get() == 1
        assert config.offline.get()
    assert config.debug.get() == 3
    assert not config.offline.get()

    @config.change_flags(debug=0)
    def quiet():
        return config.debug.get()

    assert quiet() == 0
    with pytest.raises(ConfigError, match="CGRAD_DEBUG"), config.change_flags(debug=9):
        pass
    assert config.debug.get() == 3
    with pytest.raises(ConfigError, match="num_threads"), config.change_flags(threads=2):
        pass
    with pytest.raises(NotImplementedError, match="dtype='float32'"):
        config.change_flags(floatX="float32").__enter__()


def test_flags_of_pytensor_come_with_advice():
    with pytest.raises(NotImplementedError, match="no flag floatX: dtypes are float64"):
        config.floatX  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        config.nonsense  # noqa: B018
