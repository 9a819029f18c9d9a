"""Which checks come to which statement: only these can notice a change there.

Each statement, each body of a lambda and each equation of the rules tells that it ran; a check runs
once, and what it came to and how long it took is noted.

Responsible for: places of the source, measuring.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import json
import os
import re
import resource
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from mutants.checks import Check
from mutants.make import MODULES, Mutant, kept_source, replace_code, source

from cgrad.rewrites import _EXPAND, _SIMPLIFY


class Reach(NamedTuple):
    seconds: float  # processor time
    places: frozenset[str]


def _label(module: str, top: int, stmt: ast.stmt) -> str:
    """A statement of a module, which keeps its label when others come and go."""
    name = getattr(stmt, "name", None)
    if name is None and isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Call):
        call = stmt.value
        name = ast.unparse(call.args[0]) if call.args else None
    return f"{module.removeprefix('cgrad.')} {name or top}"


def _steps(stmt: ast.stmt) -> list[ast.AST]:
    """The statements and lambdas of a statement of a module, in order."""
    return [n for n in ast.walk(stmt) if isinstance(n, (ast.stmt, ast.Lambda)) and n is not stmt]


def place_of(mutant: Mutant) -> str:
    """The innermost statement, lambda or equation that a mutant is in, a regular expression."""
    tree = kept_source(mutant.module)
    node = list(ast.walk(tree))[mutant.place]
    stmt = tree.body[mutant.top]
    if mutant.is_law:
        # the name may be an f-string of a loop
        return "law " + re.sub("{.*?}", ".*", mutant.owner.removeprefix("f'"))
    found = 0
    for k, step in enumerate(_steps(stmt), 1):
        if any(inner is node for inner in ast.walk(step)):
            found = k  # the walk goes from the outside in
    return re.escape(f"{_label(mutant.module, mutant.top, stmt)} {found}")


class _Told(ast.NodeTransformer):
    def __init__(self, number: dict[int, str]) -> None:
        self.number = number

    def _call(self, node: ast.AST) -> ast.expr:
        return ast.parse(f"__hit__({self.number[id(node)]!r})", mode="eval").body

    def generic_visit(self, node: ast.AST) -> Any:
        key = self.number.get(id(node))
        super().generic_visit(node)
        if key is None:
            return node
        if isinstance(node, ast.Lambda):
            node.body = ast.Subscript(
                ast.Tuple([self._call(node), node.body], ast.Load()), ast.Constant(1), ast.Load()
            )
            return node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return node  # a docstring
        return [ast.Expr(self._call(node)), node]


def _instrument(hits: set[str]) -> None:
    for name in MODULES:
        module = importlib.import_module(name)
        tree, told = source(name), source(name)
        number = {}
        for top, stmt in enumerate(told.body):
            label = _label(name, top, stmt)
            number.update({id(step): f"{label} {k}" for k, step in enumerate(_steps(stmt), 1)})
        _Told(number).visit(told)
        vars(module)["__hit__"] = hits.add
        for old, new in zip(tree.body, ast.fix_missing_locations(told).body, strict=True):
            replace_code(name, old, new)
    for rule in {*_SIMPLIFY.rules, *_EXPAND.rules}:
        if rule.admits is not None:
            rule.apply = _noted(rule.apply, f"law {rule.name}", hits)


def _noted(apply: Any, name: str, hits: set[str]) -> Any:
    def noted(node: Any) -> Any:
        hits.add(name)
        return apply(node)

    return noted


def processor_time() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


def measure(checks: Iterable[Check], log: Path) -> None:
    """Append what each check comes to, a line of JSON each; raises if one fails.

    The tests of a file run in one process, so what one of them computes and keeps another may not
    come to again.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            hits: set[str] = set()
            _instrument(hits)
            groups = itertools.groupby(checks, lambda check: re.split("[: ]", check.name)[0])
            sound = [_measured(list(group), hits, log) for _, group in groups]
            code = int(not all(sound))
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise AssertionError(f"checks fail on sound code: see {log}")


def _measured(checks: list[Check], hits: set[str], log: Path) -> bool:
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    sound = False
    try:
        silence()
        with log.open("a") as file:
            for check in checks:
                hits.clear()
                start = processor_time()
                sound = check.passes()
                seconds = processor_time() - start
                line = {"check": check.name, "seconds": seconds, "places": sorted(hits)}
                file.write(json.dumps(line if sound else {"fails": check.name}) + "\n")
                if not sound:
                    break
    finally:
        os._exit(int(not sound))


def silence() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
