"""docs/ops.md: what every operation is, how exact, its derivative, and what loops over it become.

Responsible for: the two tables, made from the rows of `cgrad.ops` and its classes, the C text in
`cgrad/codegen/runtime`, and the errors measured in docs/accuracy.md.  Not responsible for: what is
in those.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cgrad
import cgrad.tensor as ct
from cgrad import ops
from cgrad.codegen import prelude
from cgrad.core.dtypes import FLOAT64
from cgrad.core.node import Node, Op
from cgrad.ops.choices import Choice
from cgrad.ops.kinds import Leaf, Linear, Opaque
from cgrad.ops.passthrough import Undefined
from cgrad.ops.scalar import NEG, TABLE, Factor, Over, Row
from tools.docstrings import summary

ACCURACY = Path(__file__).resolve().parent.parent / "docs" / "accuracy.md"
_LONGEST = 160

_HEAD = """\
# Operations

What a graph is made of. The functions of `cgrad.tensor` build it from these; the
[reference](api/index.md) has those.

## Elementwise functions

One row of the tables in `cgrad/ops` each.

* *takes*: floats, and what becomes of other dtypes. "float": integers and bool as float64.
  "number": integers too, bool as int64. "signed": no bool. "bits": integers and bool. "logical":
  anything, not 0 meaning true. "any": as they are. "complex": complex numbers too.
* *tested in*: the interval from which tests take arguments for derivatives; values are tested
  everywhere, nan, infinities and both zeros included.
* *ULP*: the largest error measured in float64 and float32, in units in the last place (0.5 is
  correct rounding); [accuracy.md](accuracy.md) says over which arguments. Empty: not measured by
  itself.
* *derivative*: what multiplies the cotangent, for each argument; `y` is the result. It is made of
  the same operations, so it has derivatives too. 0: the function is flat there, or not made to be
  differentiated.
* *loops*: "vector": several elements at a time. "in terms of": written out like that before C is
  made, then vector. "one by one": a C function with branches and loops of its own.

| operation | is | takes | tested in | ULP | derivative | loops |
|---|---|---|---|---|---|---|"""

_STRUCTURAL = """
## Other operations

One class in `cgrad/ops` each.

* *forward*, *reverse*: where the derivative comes from. "itself": it is linear, and the tangent
  goes through the same operation. "rule": written down. "from the other": the transpose of the
  rule for the other mode, found by the two walks of `core/derive.py`.
* *Jacobian*: "structure": a rule for diagonals, bands and blocks. "by its rule": the structure goes
  through the operations of the forward rule. "rows": one product for each row.
* *loops*: how it reaches C. "element": an expression in the loop of whoever reads it. "sum": a loop
  that accumulates. "view": the same memory. "own": loops or library calls of its own.

| operation | is | forward | reverse | Jacobian | loops |
|---|---|---|---|---|---|"""


def page() -> str:
    """The text of docs/ops.md, below the line that says how it is made."""
    errors = _errors()
    rows = [_row(row, errors) for row in TABLE.values() if not row.name.endswith(_INNER)]
    return "\n".join([_HEAD, *rows, _STRUCTURAL, *map(_structural, _classes())]) + "\n"


# rows that only derivatives of other rows are made of
_INNER = ("_slope", "_density", "_shape")


# -- elementwise ------------------------------------------------------------------------------
def _row(row: Row, errors: dict[str, str]) -> str:
    low, high = row.domain
    cells = [
        f"`{row.name}`", row.doc, _takes(row),
        f"[{low:g}, {high:g}]" if any(row.partials) else "", _accuracy(row, errors),
        _derivative(row), _loops(row),
    ]  # fmt: skip
    return _table_row(cells)


def _takes(row: Row) -> str:
    of_complex = "" if row.complex is None else ", complex"
    return row.takes + of_complex + (" -> bool" if row.gives == "bool" else "")


def _table_row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _errors() -> dict[str, str]:
    """The measured errors by the name of the function."""
    rows = re.findall(
        r"^\| (\w+) \| ([\d.]+) \| [^|]* \| ([\d.]+) \|", ACCURACY.read_text(encoding="utf-8"), re.M
    )
    return {name: f"{double}, {single}" for name, double, single in rows}


def _accuracy(row: Row, errors: dict[str, str]) -> str:
    if row.name in errors:
        return errors[row.name]
    text = row.template(FLOAT64) if row.c is not None and _has_double(row) else ""
    if row.takes != "logical" and re.fullmatch(r"sqrt\(\{0\}\)|\S+ [-+*/] \{\d\}", text):
        return "0.5"  # one operation of IEEE 754
    return "exact" if row.cost <= 2 and row.c is not None else ""


def _has_double(row: Row) -> bool:
    return isinstance(row.c, str) or (row.c is not None and FLOAT64 in row.c)


def _derivative(row: Row) -> str:
    names = _argument_names(row)
    arguments = [ct.dscalar(name) for name in names]
    y = ct.dscalar("y")
    found = []
    for partial in row.partials:
        if partial is None or row.gives == "bool":
            found.append("0")
        else:
            found.append(_product(partial(y, *arguments)))
    if set(found) == {"0"}:
        return "0"
    if len(found) == 1:
        return f"`{found[0]}`"
    return "; ".join(f"`{name}`: `{text}`" for name, text in zip(names, found, strict=True))


def _argument_names(row: Row) -> list[str]:
    """Those of the functions that hold the partial derivatives, behind the result."""
    for partial in row.partials:
        names = list(inspect.signature(partial).parameters) if partial else []
        if len(names) == row.arity + 1:
            return names[1:]
    return ["x"] if row.arity == 1 else list("abcde"[: row.arity])


def _product(factors: tuple[Factor, ...]) -> str:
    """The factors of a partial derivative as text."""
    sign, text, cond = "", "", ""
    for factor in factors:
        if factor is NEG:
            sign = "" if sign else "-"
        elif isinstance(factor, Choice):
            cond += (
                f" where {_text(factor.cond)}" if factor.wanted else f" unless {_text(factor.cond)}"
            )
        elif isinstance(factor, Over):
            text = f"{text or '1'} / {_text(factor.node)}"
        elif isinstance(factor, Node):
            text = f"{text} * {_text(factor)}" if text else _text(factor)
    result = f"{sign}{text or '1'}{cond}"
    return result if len(result) <= _LONGEST else "(long)"


def _text(node: Node) -> str:
    if isinstance(node.op, Undefined):
        return "none"
    return re.sub(r"TensorConstant\{([^}]*)\}", r"\1", cgrad.pp(node))


def _loops(row: Row) -> str:
    if row.c is None:
        assert row.expand is not None
        names = _argument_names(row)
        written = _text(row.expand(*(ct.dscalar(name) for name in names)))
        return f"in terms of `{written}`" if len(written) <= _LONGEST else "in terms of others"
    if not _has_double(row):
        return "vector"
    return "one by one" if _branches(row.template(FLOAT64)) else "vector"


def _branches(text: str) -> bool:
    """Whether C text calls a function with loops, jumps or calls of libm's that have them."""
    bodies = "\n".join(
        re.sub(r"/\*.*?\*/", "", function.text, flags=re.DOTALL)
        for function in prelude._used(text)
        if "#define" not in function.text
    )
    return re.search(r"\b(for|while|if|switch)\s*\(|\bfmodf?\(", bodies) is not None


# -- classes ----------------------------------------------------------------------------------
def _classes() -> Iterator[type[Op]]:
    for found in pkgutil.iter_modules(ops.__path__):
        module = importlib.import_module(f"{ops.__name__}.{found.name}")
        for cls in vars(module).values():
            mine = inspect.isclass(cls) and cls.__module__ == module.__name__
            # those without a name are what others have in common
            if mine and issubclass(cls, Op) and cls.name != "":
                yield cls


def _structural(cls: type[Op]) -> str:
    name = cls.name if isinstance(cls.name, str) else cls.__name__
    forward, reverse, jacobian = _rules(cls)
    about = summary(inspect.getdoc(cls) or "")
    loops = _LOOPS.get(str(getattr(cls, "lowering", "emit")), "own")
    return _table_row([f"`{name}`", about, forward, reverse, jacobian, loops])


_LOOPS = {"pull": "element", "reduce": "sum", "view": "view", "leaf": "argument"}


def _rules(cls: Any) -> tuple[str, str, str]:
    if issubclass(cls, Leaf) or cls.jvp is Op.jvp:
        return "", "", ""
    if issubclass(cls, Linear):
        structure = "structure" if cls.push is not Linear.push else "rows"
        return "itself", "transpose", structure
    opaque = issubclass(cls, Opaque)
    forward = "from the other" if opaque and cls.jvp is Opaque.jvp else "rule"
    reverse = "from the other" if opaque and cls.vjp is Opaque.vjp else "rule"
    if cls.push_terms is Op.push_terms:
        return forward, reverse, "rows"
    by_rule = opaque and cls.push_terms is Opaque.push_terms
    return forward, reverse, "by its rule" if by_rule else "structure"
