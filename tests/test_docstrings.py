"""The examples in the docstrings of the package."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

import cgrad

PACKAGE = Path(cgrad.__file__).parent
# every module with a prompt in it
MODULES = sorted(
    ".".join(["cgrad", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if re.search(r"^\s*>>> ", path.read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert attempted
    assert not failed
