"""The quick forms of ``benchmarks.reliability``: what is promised holds on a small scale."""

import pytest

from benchmarks.reliability import registry
from benchmarks.reliability.plan import Result

# what their quick forms would do again: several processes each, seconds of CPU
ELSEWHERE = {
    "cache_determinism": "tests/codegen/test_emit.py: the same text and fields in five processes",
    "cache_shipped": "tests/cli/test_compiling.py: what was shipped runs without compiling",
}


@pytest.mark.parametrize("name", [name for name in registry.names() if name not in ELSEWHERE])
def test_quick_form(name):
    result = registry.run(name)
    if result.verdict == "skipped":
        pytest.skip(result.skipped)
    assert result.verdict == "ok", [result.line, *result.details]
    assert sum(result.done.values()) > 0


def test_each_test_says_what_must_hold():
    for name in registry.names():
        module = registry.load(name)
        assert module.__doc__ and callable(module.run)
        assert set(registry.peers_of(name)) <= set(registry.PEERS)
        assert bool(registry.peers_of(name)) == hasattr(module, "run_peer")


def test_a_verdict_follows_from_what_was_counted():
    result = Result(name="x")
    result.add("calls", 12_345)
    assert result.verdict == "ok" and "12 345 calls: 0 failures, 0 wrong" in result.line
    result.mistake("7 instead of 6")
    assert result.verdict == "FAILED" and result.details == ["7 instead of 6"]
