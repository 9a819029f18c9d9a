"""The command line in this process, a module of functions, one cache for all tests."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cgrad.cli.main import main

MODELS = '''
import numpy as np
import cgrad
import cgrad.tensor as ct

calls = []


@cgrad.precompile
def loss():
    """sum(log(1 + exp(x))) and its gradient"""
    calls.append("loss")
    x = ct.dvector("x")
    cost = ct.sum(ct.log1p(ct.exp(x)))
    return cgrad.function([x], [cost, ct.grad(cost, x)], name="loss")


@cgrad.precompile
def powers():
    x = ct.dvector("x")
    return {k: cgrad.function([x], ct.sum(x**k), name=f"power{k}") for k in (2, 3)}


def broken():
    return 1 / 0


def number():
    return 7
'''


class Ran:
    """What a command did: exit code, standard output and error, and the JSON object."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def models_text() -> str:
    return MODELS


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "cache"


@pytest.fixture
def cgrad_cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shared_cache: Path
) -> Callable[..., Ran]:
    """cgrad_cli("cache", "info") -> what it did."""
    for name in ("CGRAD_CACHE", "CGRAD_CACHE_BASE", "CGRAD_OFFLINE", "CGRAD_CC", "CC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CGRAD_CACHE_DIR", str(shared_cache))

    def run(*words: str) -> Ran:
        capsys.readouterr()
        code = main(words)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module of functions that can be imported."""
    (tmp_path / "cli_models.py").write_text(MODELS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield "cli_models"
    sys.modules.pop("cli_models", None)
