"""`cgrad show`, `check`, `bench`, `profile`, `completion`, and what notebooks show."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest

import cgrad
import cgrad.tensor as ct
from cgrad.cli.completing import words
from cgrad.cli.main import build_parser
from cgrad.graph.drawing import LARGEST, picture
from cgrad.graph.layout import layout

EXPECTED = {
    "graph": "<compiled loss(x: float64",
    "ssa": "= softplus %0",
    "loops": "/ (1.0 + exp",
    "c": "static int64_t loss(int64_t n,",
    "asm": "cg_entry:",
    "dot": 'label="softplus\\nfloat64',
    "mermaid": 'n1["softplus: float64',
    "svg": ">softplus</text>",
    "html": "<!DOCTYPE html>",
}


@pytest.mark.parametrize("form", EXPECTED)
def test_every_form(cgrad_cli, models, form):
    ran = cgrad_cli("show", f"{models}:loss", f"--{form}")
    assert ran.code == 0 and EXPECTED[form] in ran.out
    assert EXPECTED[form] in cgrad_cli("show", f"{models}:loss", f"--{form}", "--json").json["text"]


def test_a_file_and_mistakes(cgrad_cli, models, tmp_path):
    assert cgrad_cli("show", f"{models}:loss", "--svg", "-o", "x.svg").code == 0
    ElementTree.parse(tmp_path / "x.svg")
    assert cgrad_cli("show", f"{models}:loss", "-o", "lost/x").code == 1
    assert cgrad_cli("show", f"{models}:loss", "--svg", "--c").code == 2


def test_a_drawing_is_one_layer_below_another_and_boxes_are_apart():
    x, y = ct.dvector('<b>"x"&'), ct.dvector("y")
    made = picture([ct.sum(ct.exp(x) * y), ct.sin(x) + ct.cos(y)], [x, y])
    root = ElementTree.fromstring(made.svg())
    boxes = [
        tuple(float(box.get(name)) for name in ("x", "y", "width"))
        for box in root.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert len(boxes) == len(made.boxes) == 8
    for a, b in made.arrows:
        assert boxes[a][1] < boxes[b][1]
    for row in {box[1] for box in boxes}:
        along = sorted(box for box in boxes if box[1] == row)
        assert all(left[0] + left[2] < right[0] for left, right in pairwise(along))
        assert along[0][0] >= 0 and along[-1][0] + along[-1][2] <= float(root.get("width"))
    assert "<b>" not in made.svg() + made.mermaid() and '"x"&' not in made.dot().replace('\\"', "")


def test_no_line_of_a_drawing_runs_behind_a_box():
    a, x, b = ct.dmatrix("A"), ct.dvector("x"), ct.dvector("b")
    cost = ct.sum((a @ x - b) ** 2) + 3.25
    made = picture([cost, ct.grad(cost, x), ct.grad(cost, a)], [a, x, b])
    assert ("A", "float64 (n, m)", "input") in made.boxes
    assert any("3.25" in label for label, _, _ in made.boxes)
    places = layout([90] * len(made.boxes), made.arrows)
    passed = 0
    for path in places.paths:
        for row, x_line in path[1:-1]:
            passed += 1
            inside = [m for r, m in zip(places.rows, places.middles, strict=True) if r == row]
            assert all(abs(x_line - m) > 45 for m in inside)
    assert passed > 5


def test_a_large_graph_is_cut():
    x = ct.dvector("x")
    y = x
    for _ in range(LARGEST + 50):
        y = ct.sin(y)
    made = picture([y], [x])
    assert (len(made.boxes), made.left) == (LARGEST, 51)
    ElementTree.fromstring(made.svg())


def test_notebooks_show_a_function():
    x = ct.dvector("<script>")
    f = cgrad.function([x], ct.sum(x**2), name="shown")
    text = f._repr_html_()
    assert "<svg" in text and "static int64_t shown(" in text and "<script>" not in text


def test_notebooks_show_an_expression():
    x = ct.dvector("<b>")
    y = ct.sum(ct.exp(x) * 2.5)
    y.name = "y"
    text = y._repr_html_()
    assert "y = sum((exp(&lt;b&gt;) *" in text and "float64 ()" in text and "<svg" in text
    assert x._repr_html_() == "<div><code>&lt;b&gt;</code>: float64 (&lt;b&gt;.shape[0],)</div>"
    assert repr(ct.constant(2.5)) == "<constant 2.5: float64 ()>"
    assert repr(ct.constant([1, 2])) == "<constant [1, 2]: int64 (2,)>"


def test_profile(cgrad_cli, models, tmp_path):
    ran = cgrad_cli("profile", f"{models}:loss", "--size", "10", "--json", "--svg", "bars.svg")
    assert ran.code == 0 and ran.json["name"] == "loss" and ran.json["nests"][-1]["bytes"] >= 80
    assert "in the kernel, median of 20 calls" in cgrad_cli("profile", f"{models}:loss").out
    assert cgrad_cli("profile", f"{models}:loss", "--svg", "/no/such/bars.svg").code == 1


def test_check_and_bench(cgrad_cli, models, tmp_path):
    ran = cgrad_cli("check", f"{models}:loss", "--json")
    assert ran.code == 0 and [row["state"] for row in ran.json["results"]] == ["ok", "ok"]
    ran = cgrad_cli("check", f"{models}:loss", "--size", "0")
    assert "arguments are empty" in ran.out and "ok" not in ran.out
    np.savez(tmp_path / "x.npz", x=np.ones(4))
    assert cgrad_cli("check", f"{models}:loss", "--example", "x.npz").code == 0
    np.savez(tmp_path / "z.npz", z=np.ones(4))
    ran = cgrad_cli("check", f"{models}:loss", "--example", "z.npz")
    assert ran.code in (1, 2) and "no input is called 'z'" in ran.err
    ran = cgrad_cli("bench", f"{models}:loss", "--size", "10", "--json")
    assert ran.code == 0 and 0 < ran.json["least"] <= ran.json["median"] < 1
    assert ran.json["shapes"] == [[10]]
    assert cgrad_cli("bench", f"{models}:loss", "--size", "-4").code == 2


def test_check_finds_a_wrong_derivative(cgrad_cli, models, tmp_path):
    (tmp_path / "cli_wrong.py").write_text(
        "import cgrad, cgrad.tensor as ct\nx = ct.dvector('x')\n"
        "f = cgrad.function([x], cgrad.gradient.grad_scale(ct.sum(x**2), 3.0))\n"
    )
    ran = cgrad_cli("check", "cli_wrong.py:f")
    assert ran.code == 1 and ran.out.startswith("failed    result 0: ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_the_shell(cgrad_cli, shell, tmp_path):
    text = cgrad_cli("completion", shell).out
    assert all(word in text for word in ("doctor", "max-size", "prune", "mermaid"))
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


def test_bash_completes(cgrad_cli):
    text = cgrad_cli("completion", "bash").out
    ask = "COMP_WORDS=(cgrad cache pr); COMP_CWORD=2; _cgrad; echo ${COMPREPLY[@]}\n"
    ask += "COMP_WORDS=(cgrad show m:f --m); COMP_CWORD=3; _cgrad; echo ${COMPREPLY[@]}\n"
    done = subprocess.run(["bash", "-c", f"{text}\n{ask}"], capture_output=True, text=True)
    assert done.stdout == "prune\n--mermaid\n", done.stderr


def test_completion_knows_every_command():
    table = words(build_parser())
    assert {"", "cache", "cache prune", "show", "export"} <= set(table)
    assert ("--yes" in dict(table["cache clear"])) and "doctor" in dict(table[""])
