"""The loop IR as text, for CGRAD_DEBUG=4.

Responsible for: what a person reads between passes.  Not responsible for: C (`emit`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cgrad.core import exprs, loops, sizes
from cgrad.core.exprs import Expr, Index
from cgrad.core.loops import Stmt
from cgrad.core.sizes import Atom

# longer expressions are cut: shared parts are written out at every use
LIMIT = 200
# a call or something in parentheses: neither it nor what is directly in it needs more of them
_CLOSED = re.compile(r"\w*\([^()]*\)$")


def show(stmts: Sequence[Stmt]) -> str:
    """Statements, one a line, bodies indented."""
    return "\n".join(_lines(stmts, "  "))


def _lines(stmts: Sequence[Stmt], indent: str) -> Iterator[str]:
    for stmt in stmts:
        yield indent + _line(stmt)
        yield from _lines(getattr(stmt, "body", ()), indent + "  ")


def _line(stmt: Stmt) -> str:
    match stmt:
        case loops.If():
            return f"if {'' if stmt.wanted else 'not '}{stmt.taken.name}:"
        case loops.For():
            way = " backwards" if stmt.reverse else ""
            notes = f"   # {'; '.join(stmt.notes)}" if stmt.notes else ""
            start = "" if stmt.start == 0 else f"{_size(stmt.start)} <= "
            step = "" if stmt.step == 1 else f" by {stmt.step}"
            range = f"{start}{stmt.index} < {_size(stmt.extent)}{step}"
            return f"for {range} ({stmt.kind}{way}):{notes}"
        case loops.Part():
            return f"part {stmt.name}:"
        case loops.Set():
            return f"{stmt.buffer.name}{_index(stmt.index)} = {_expr(stmt.value)}"
        case loops.Accumulate():
            return f"{stmt.buffer.name}{_index(stmt.index)} {stmt.op}= {_expr(stmt.value)}"
        case loops.Let():
            return f"let {stmt.name} = {_expr(stmt.value)}"
        case loops.Check():
            return f"check {_expr(stmt.cond)} else {stmt.code} [n{stmt.tag}] axis {stmt.axis}"
        case loops.Swap():
            return f"swap {stmt.a.name}, {stmt.b.name}"
        case _:
            values = (
                f"{slot}={getattr(stmt, slot)!r:.80}"
                for cls in type(stmt).__mro__
                for slot in getattr(cls, "__slots__", ())
                if slot != "body"
            )
            return f"{type(stmt).__name__.lower()} {', '.join(values)}"


def _index(index: Index) -> str:
    return f"[{', '.join(map(_size, index))}]" if index else ""


def _size(size: sizes.SizeLike) -> str:
    return sizes.render(size, _atom)


def _atom(atom: Atom) -> str:
    if atom.kind == "dim":
        node, axis = atom.args
        return f"{node.name or 'input'}.shape[{axis}]"
    if atom.kind in ("value", "scalar"):
        return str(atom.args[0].name or "value")
    if atom.kind == "index":
        return str(atom.args[0])
    if atom.kind == "dynamic":
        return f"({_expr(atom.args[0])})"
    return sizes.compound_text(atom, _atom)


def _expr(root: Expr) -> str:
    """The expression in C-like text, without recursion, cut at `LIMIT`."""
    written: list[str] = []
    length = 0
    stack: list[Expr | str] = [root]
    while stack and length <= LIMIT:
        piece = stack.pop()
        if isinstance(piece, Expr):
            stack.extend(reversed(_pieces(piece)))
        else:
            written.append(piece)
            length += len(piece)
    text = "".join(written)
    return text if len(text) <= LIMIT else text[:LIMIT] + "..."


def _pieces(expr: Expr) -> list[Expr | str]:
    match expr:
        case exprs.Lit():
            return [repr(expr.value)]
        case exprs.SizeValue():
            return [_size(expr.size)]
        case exprs.Read():
            return [f"{expr.buffer.name}{_index(expr.index)}"]
        case exprs.Var():
            return [expr.name]
        case exprs.Call():
            return _filled(expr.template, expr.parts)
        case exprs.Select():
            return _filled("({0} ? {1} : {2})", expr.parts)
        case exprs.Cast():
            return _filled(f"{expr.dtype}({{0}})", expr.parts)
        case _:
            name = type(expr).__name__.lower()
            return _filled(
                f"{name}({', '.join(f'{{{k}}}' for k in range(len(expr.parts)))})", expr.parts
            )


def _filled(template: str, parts: Sequence[Expr]) -> list[Expr | str]:
    pieces: list[Expr | str] = []
    for k, text in enumerate(template.split("{")):
        number, brace, rest = text.partition("}")
        if k and brace and number.isdigit() and int(number) < len(parts):
            part = parts[int(number)]
            inner = isinstance(part, exprs.Call) and not _CLOSED.match(part.template)
            pieces += ["(", part, ")"] if inner and not _CLOSED.match(template) else [part]
            pieces.append(rest)
        else:
            pieces.append(text if not k else "{" + text)
    return pieces
