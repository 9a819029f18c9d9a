"""Hostile names of variables, functions and files: the C is plain, compiles, and holds none of it.

Names are reduced to letters, digits and underscores; nothing else of the user's text reaches the C.
"""

from __future__ import annotations

import random
import re
import string

import numpy as np

import cgrad
import cgrad.tensor as ct
from benchmarks.reliability.kernels import GCC, compile_c
from benchmarks.reliability.plan import Plan, Result
from cgrad.codegen.names import RESERVED
from cgrad.pipeline import Program, generate

_PIECES = [
    '"; system("x"); //', "*/ system(1); /*", "??/", "\\", "\n#define n 0\n",
    "#include </etc/passwd>", "%s%n%x", "\x00", "\u202e", "日本", "é", "𝔵", "{", "}", ";", "'",
    '"', "`id`", "$(id)", "../../x", "/*", "*/", "//", "__attribute__((constructor))", "@file",
    "-o", " ", "\t", "\r", "_", "9", "out0", "work", "st", "rt", "in", "cg_exp", "cg_entry",
    "main", "double", "n", "i", "v1", "exp",
]  # fmt: skip
_WANTED = re.compile(r"[\x20-\x7e\n]*")
_FORBIDDEN = re.compile(r"\bsystem\s*\(|/etc|#define n|`id`|\$\(id\)|__attribute__\(\(constr|\?\?/")
_PER_FILE = 6


def run(plan: Plan) -> Result:
    result = Result()
    if GCC is None:
        result.skipped = "needs gcc"
        return result
    rng = plan.random()
    for number in range(plan.count(5, 400)):
        names = [_name(rng) for _ in range(_PER_FILE)]
        text = _text(names)
        result.expect(_WANTED.fullmatch(text) is not None, f"{names}: the C is not plain")
        result.expect(not _FORBIDDEN.search(text), f"{names}: text of a name is in the C")
        longest = max(map(len, re.findall(r"\w+", text)))
        result.expect(longest <= 80, f"{names}: an identifier of {longest} letters")
        found = compile_c(
            [GCC, "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"], text,
            plan.folder / f"names{number}.o",
        )  # fmt: skip
        result.expect(not found, f"{names}: {found}")
        result.add("names", _PER_FILE)
    x, y = ct.dvector(_PIECES[0]), ct.dvector("x" * 10_000)
    f = cgrad.function([x, y], x + y, name=_PIECES[1])
    result.expect(np.array_equal(f([1.0], [2.0]), [3.0]), "a function of hostile names is wrong")
    folder = plan.folder / "exported"
    for name in ("../../outside", '"; system("x")', "a/b", "", "-o", "\x00"):
        f.export(folder, name)
        result.add("exports")
    for path in plan.folder.parent.glob("outside*"):
        result.fail(f"a file was written outside: {path}")
    plain = all(re.fullmatch(r"[A-Za-z0-9_]+\.[ch]", path.name) for path in folder.iterdir())
    result.expect(plain, f"files were called {sorted(path.name for path in folder.iterdir())}")
    return result


def _name(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.3:
        return rng.choice(sorted(RESERVED))
    if kind < 0.35:
        return rng.choice(string.printable) * 10_000
    if kind < 0.5:
        return "".join(chr(rng.randrange(0x110000 - 0x800)) for _ in range(rng.randrange(20)))
    return "".join(rng.choice(_PIECES) for _ in range(rng.randrange(5)))


def _text(names: list[str]) -> str:
    """The C of a program with these names in every role."""
    a, b, c, d, e, f = names
    x, k, s = ct.dvector(a), ct.lscalar(b), ct.dscalar(c)
    table = ct.constant(np.linspace(0.0, 1.0, 30), name=d)
    stored = cgrad.shared(np.ones(3), name=e)
    h, _ = cgrad.scan(lambda v, h: ct.tanh(h) * v + s, x[:k], s, name=f)
    summed = ct.sum(h) + ct.sum(table * s) + ct.sum(stored)
    summed.name = a
    return generate(Program([x, k, s], [h, summed, cgrad.grad(summed, x)], f))
