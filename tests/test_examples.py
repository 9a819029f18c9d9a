"""The examples run to their end, and so does a benchmark. No time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(tmp_path: Path, *command: str) -> str:
    environment = {
        **os.environ,
        "CGRAD_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path: Path, tmp_path: Path) -> None:
    for name in ("sklearn", "scipy", "matplotlib"):
        pytest.importorskip(name)
    picture = ROOT / "examples" / "output" / f"{path.stem}.png"
    picture.unlink(missing_ok=True)
    assert str(picture) in run(tmp_path, str(path))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_benchmarks_print_json(tmp_path: Path) -> None:
    options = ("--rounds", "1", "--starts", "1", "--json")
    report = json.loads(run(tmp_path, "-m", "benchmarks", "logreg", *options))
    found = report["workloads"]["logreg"]
    cgrad, c = found["contenders"]
    assert (cgrad["tool"], c["tool"]) == ("cgrad", "c")
    assert cgrad["deviation"] < 1e-12 and "missing" not in c
    for one in (cgrad, c):
        assert 0 < one["min"] <= one["median"] and one["ratio to C"] > 0
    assert list(found["starts"][0]["starts"]) == ["cold", "new", "warm"]
    assert report["machine"]["threads"] == 1
