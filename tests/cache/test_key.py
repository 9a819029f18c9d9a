"""Keys: unambiguous, explainable, and a build stamp that follows the code."""

import os

import pytest

from cgrad.cache.key import Key, build_stamp, explain, stamp_of


def test_equal_fields_give_equal_keys():
    assert Key([("a", "1"), ("b", b"2")]).hex == Key([("a", b"1"), ("b", "2")]).hex


@pytest.mark.parametrize(
    "other",
    [
        [("a", "1b"), ("c", "")],
        [("a", "1"), ("b", "c ")],
        [("ab", "1"), ("", "c")],
        [("b", "c"), ("a", "1")],
        [("a", "1"), ("b", "c"), ("", "")],
        [("a", "1")],
    ],
)
def test_moving_a_border_changes_the_key(other):
    assert Key([("a", "1"), ("b", "c")]).hex != Key(other).hex


def test_explain_names_the_field():
    long = "x" * 700
    old = Key([("flags", "-g -O2"), ("source", long), ("gone", "1")]).summary
    new = Key([("flags", "-O3 -g"), ("source", long + "y"), ("new", "2")]).summary
    lines = explain(old, new)
    assert lines[0] == "flags: -O2 -> -O3"  # -g, which both have, is no difference
    assert lines[1].startswith("source: 700 bytes, blake2b ")
    assert lines[2:] == ["gone: 1 -> absent", "new: absent -> 2"]
    assert explain(old, old) == []


def test_summaries_are_single_printable_lines():
    (pair,) = Key([("text", "a\nb\x00")]).summary
    assert pair[1].isprintable()


def _package(site):
    package = site / "cgrad"
    (package / "sub").mkdir(parents=True)
    for name in ("a.py", "sub/b.c", "sub/c.h"):
        (package / name).write_text(name)
    return package


@pytest.mark.parametrize("name", ["a.py", "sub/b.c", "sub/c.h"])
def test_stamp_of_a_checkout_follows_its_files(tmp_path, name):
    package = _package(tmp_path)
    before = stamp_of(str(package))
    assert stamp_of(str(package)) == before
    os.utime(package / name, ns=(0, 1_000))
    assert stamp_of(str(package)) != before


def test_stamp_of_a_checkout_ignores_other_files(tmp_path):
    package = _package(tmp_path)
    before = stamp_of(str(package))
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "a.py").write_text("")
    (package / "notes.txt").write_text("")
    assert stamp_of(str(package)) == before


def test_stamp_of_a_wheel_is_the_same_everywhere(tmp_path):
    stamps = set()
    for site, content in (("one", "x"), ("two", "x"), ("three", "y")):
        package = _package(tmp_path / site)
        info = tmp_path / site / "cgrad-1.0.dist-info"
        info.mkdir()
        (info / "RECORD").write_text(f"cgrad/a.py,sha256={content},4\nother/b.py,sha256=z,4\n")
        stamps.add(stamp_of(str(package)))
    assert len(stamps) == 2


def test_build_stamp_is_made_once():
    assert build_stamp() is build_stamp()
