"""The C of small programs, word for word.  `pytest --update-golden` writes it anew.

A golden file holds what follows the runtime functions, so that a change in those shows in their
own tests.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import pytest

from cgrad.pipeline import Program, generate

FOLDER = Path(__file__).parent / "golden"
sys.path.insert(0, str(FOLDER))
from programs import PROGRAMS  # noqa: E402


def without_prelude(source: str, name: str) -> str:
    return source[source.index(f"/* {name}\n") :]


@pytest.mark.parametrize("name", PROGRAMS)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    text = without_prelude(generate(Program(*PROGRAMS[name](), name)), name)
    path = FOLDER / f"{name}.c"
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="ascii")
        return
    assert path.exists(), f"no {path.name}: run pytest --update-golden and read what it wrote"
    golden = path.read_text(encoding="ascii")
    if text != golden:
        change = difflib.unified_diff(
            golden.splitlines(), text.splitlines(), f"golden/{name}.c", "now", lineterm=""
        )
        pytest.fail("\n".join([*change, "", "if this is meant: pytest --update-golden"]), False)


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.c")} == set(PROGRAMS)
