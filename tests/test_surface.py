"""Every name of `surface.txt`: there, or known to be left out; derivatives checked in a table.

The list is written by hand, so a name that disappears from the package is found here.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import test_core_language
import test_every_op
import test_surface_functions

import cgrad
import cgrad.tensor as ct
from cgrad.tensor.absent import ADVICE

LIST = Path(__file__).with_name("surface.txt")
ROW = re.compile(r"(A|B|C|later) (\w+)(~?) ([\w.]+): (.+)")


def rows() -> list[tuple[str, str, bool, str, str]]:
    """(level, group, whether it has derivatives, module, name)."""
    found = []
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = ROW.fullmatch(line)
            assert match, line
            level, group, smooth, module, names = match.groups()
            found += [(level, group, bool(smooth), module, name) for name in names.split()]
    return found


def of(module: str) -> Any:
    thing: Any = cgrad
    for part in module.split(".")[1:]:
        thing = getattr(thing, part)
    return thing


def is_there(module: str, name: str) -> bool:
    try:
        getattr(of(module), name)
    except (AttributeError, NotImplementedError):
        return name in getattr(of(module), "__slots__", ())
    return True


def test_every_name_is_there() -> None:
    missing = [
        f"{module}.{name}" for level, _, _, module, name in rows()
        if level != "later" and not is_there(module, name)
    ]  # fmt: skip
    assert not missing, missing
    print(dict(Counter(level for level, *_ in rows())))


def test_what_is_left_out_is_absent() -> None:
    built = [f"{module}.{name}" for level, _, _, module, name in rows()
             if level == "later" and is_there(module, name)]  # fmt: skip
    assert not built, f"move to a group: {built}"


def test_no_name_is_listed_twice() -> None:
    twice = [
        row for row, n in Counter((module, name) for *_, module, name in rows()).items() if n > 1
    ]
    assert not twice


@pytest.mark.parametrize("name", sorted(ADVICE))
def test_names_that_are_left_out_say_what_to_use(name: str) -> None:
    with pytest.raises(NotImplementedError, match=f"cgrad.tensor.{name} is not built: "):
        getattr(ct, name)


def test_other_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        ct.no_such_name  # noqa: B018


# names that stand for a row of another name, or whose table has another way of writing them
SAME = {"square": "sqr", "power": "pow", "log1pexp": "softplus", "expit": "sigmoid"}


def tabled() -> set[str]:
    """The functions with values, both modes and second derivatives in a table."""
    smooth = {
        name
        for table in (test_core_language.CASES, test_core_language.NUMPY,
                      test_surface_functions.CASES)
        for name, cases in table.items()
        if any(case.smooth for case in cases)
    }  # fmt: skip
    rows_of_ops = [*test_every_op.STRUCTURAL, *test_every_op.NOT_EMPTY]
    structural = {re.split(r"[ (]", label)[0] for label in rows_of_ops}
    return smooth | structural | {*test_every_op.SMOOTH_UNARY} | {*test_every_op.BINARY}


def test_every_function_with_derivatives_stands_in_a_table() -> None:
    wanted = {name for level, _, smooth, _, name in rows() if smooth and level in "AB"}
    missing = sorted(name for name in wanted if SAME.get(name, name) not in tabled())
    assert not missing, missing
    print(f"{len(wanted)} functions with derivatives, all in tables")
