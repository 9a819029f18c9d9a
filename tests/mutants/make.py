"""Mutants: small changes to the source of derivative rules and rewrite rules.

A mutant is one change to one place of a module's syntax tree.  It is put in force in this process:
functions get the code of the changed source, equations are declared anew.

Responsible for: where to change, what to change, putting it in force.
Not responsible for: who notices (`mutants.killers`).
"""

from __future__ import annotations

import ast
import copy
import functools
import gc
import importlib
import inspect
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from cgrad.core.rewrite import RuleSet
from cgrad.rewrites import _EXPAND, _SIMPLIFY
from cgrad.rewrites.patterns import COMMUTATIVE

DERIVATIVES = "axes windows lookup diagonals contract reductions overlay passthrough scalar".split()
METHODS = {"transpose", "jvp", "vjp", "forward", "backward", "_scaled", "others",
           "products_before"}  # fmt: skip
RULES = (
    "canonical expand exponentials logistic matmul powers shapes simplify stabilise windows".split()
)
MODULES = ["cgrad.ops.elementwise", *(f"cgrad.ops.{name}" for name in DERIVATIVES),
           *(f"cgrad.rewrites.{name}" for name in RULES)]  # fmt: skip
# functions that are each other's derivative, or are easily confused
NEIGHBOURS = {
    "cos": "sin", "sin": "cos", "cosh": "sinh", "sinh": "cosh", "tanh": "sigmoid",
    "sigmoid": "tanh", "dtanh": "dsigmoid", "dsigmoid": "dtanh", "exp": "expm1", "expm1": "exp",
    "log": "log1p", "log1p": "log", "sqr": "abs", "sqrt": "sqr", "add": "sub", "sub": "add",
    "mul": "true_div", "true_div": "mul", "eq": "neq", "neq": "eq", "ge": "gt", "gt": "ge",
    "le": "lt", "lt": "le", "maximum": "minimum", "minimum": "maximum", "hypot": "add",
    "neg": "abs", "abs": "neg", "logical_and": "logical_or", "logical_or": "logical_and",
    "logical_not": "identity", "erf": "erfc", "erfc": "erf", "reciprocal": "neg",
    "softplus": "sigmoid", "floor_div": "true_div", "sign": "neg", "one_minus_sqr": "sqr",
    "logaddexp": "maximum", "exp2": "exp", "max": "min", "min": "max",
}  # fmt: skip
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
             ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
             ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In,
             ast.And: ast.Or, ast.Or: ast.And}  # fmt: skip
CASTS = {"cast", "cast_to", "_like", "fit"}
BUILDERS = {"apply", "build", "apply_row"}


class Mutant(NamedTuple):
    module: str
    top: int  # the statement of the module
    owner: str  # the function or the row that it is in
    place: int  # the node, in the order of ast.walk
    change: int  # which of the changes to that node
    text: str

    is_law: bool = False  # an equation, which is declared anew

    @property
    def name(self) -> str:
        """The text without the line number."""
        place, change = self.text.split(" ", 1)
        return f"{place.split(':')[0]} {change}"

    @property
    def key(self) -> str:
        """What tells it apart from all others of this code."""
        return f"{self.place} {self.change} {self.text}"


@functools.cache
def _text(module: str) -> str:
    return inspect.getsource(importlib.import_module(module))


def source(module: str) -> ast.Module:
    return ast.parse(_text(module))


@functools.cache
def kept_source(module: str) -> ast.Module:
    """The same, to look at only."""
    return source(module)


def every() -> Iterator[Mutant]:
    yield from _of("cgrad.ops.elementwise", _table_regions)
    for name in DERIVATIVES:
        yield from _of(f"cgrad.ops.{name}", _method_regions)
    for name in RULES:
        yield from _of(f"cgrad.rewrites.{name}", _rule_regions)


def _table_regions(tree: ast.Module) -> Iterator[tuple[int, str, ast.AST]]:
    """The partials and expansions of the rows, and the functions these use."""
    for top, stmt in enumerate(tree.body):
        call = stmt.value if isinstance(stmt, ast.Expr) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "_row":
            assert isinstance(call.args[0], ast.Constant)
            yield top, str(call.args[0].value), call.args[3]
            for keyword in call.keywords:
                if keyword.arg == "expand":
                    yield top, str(call.args[0].value), keyword.value
        elif isinstance(stmt, ast.FunctionDef) and stmt.name not in (
            "apply", "argument_dtype", "_register", "_row", "_by_type", "_rounding", "zeros_like",
            "ones_like", "_elementwise_libm", "_switch",
        ) and not stmt.name.startswith("_numpy"):  # fmt: skip
            yield top, stmt.name, stmt


def _method_regions(tree: ast.Module) -> Iterator[tuple[int, str, ast.AST]]:
    for top, stmt in enumerate(tree.body):
        for node in ast.walk(stmt):
            if isinstance(node, ast.FunctionDef) and node.name in METHODS:
                yield top, f"{getattr(stmt, 'name', '')}.{node.name}", node


def _rule_regions(tree: ast.Module) -> Iterator[tuple[int, str, ast.AST]]:
    used = _used_by_rules(tree)
    for top, stmt in enumerate(tree.body):
        if isinstance(stmt, ast.FunctionDef) and stmt.name in used - {"_law", "_negated"}:
            yield top, stmt.name, stmt
        elif isinstance(stmt, (ast.Expr, ast.For)) and "_law(" in ast.unparse(stmt):
            for call in ast.walk(stmt):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "_law":
                    yield top, ast.unparse(call.args[0]).strip("'"), call.args[2]


def _used_by_rules(tree: ast.Module) -> set[str]:
    """The functions that rules or other modules call: not those that only make examples."""
    functions = {stmt.name: stmt for stmt in tree.body if isinstance(stmt, ast.FunctionDef)}
    found = {name for name, f in functions.items() if f.decorator_list or name[0] != "_"}
    new = [part for name in found for part in functions[name].body]
    new += [stmt for stmt in tree.body if not isinstance(stmt, ast.FunctionDef)]
    while new:
        nodes = (node for part in new for node in ast.walk(part))
        names = {node.id for node in nodes if isinstance(node, ast.Name)} & set(functions)
        new = [part for name in names - found for part in functions[name].body]
        found |= names
    return found


def _of(module: str, regions: Any) -> Iterator[Mutant]:
    tree = source(module)
    laws = {top for top, stmt in enumerate(tree.body)
            if not isinstance(stmt, ast.FunctionDef) and "_law(" in ast.unparse(stmt)}  # fmt: skip
    number = {id(node): k for k, node in enumerate(ast.walk(tree))}
    seen = set()
    for top, owner, region in regions(tree):
        body = region.body if isinstance(region, ast.FunctionDef) else [region]
        for part in body:
            if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
                continue  # a docstring
            for node in ast.walk(part):
                place = number[id(node)]
                if place in seen or isinstance(node, ast.FunctionDef):
                    continue
                if isinstance(node, ast.keyword) and node.arg == "strict":
                    seen.add(number[id(node.value)])  # an assertion
                seen.add(place)
                for change, made in enumerate(_changes(node)):
                    old, new = ast.unparse(node), ast.unparse(ast.fix_missing_locations(made))
                    if old == new:
                        continue
                    old, new = old.split("\n")[0], new.split("\n")[0]
                    line = getattr(node, "lineno", 0)
                    yield Mutant(module, top, owner, place, change,
                                 f"{module.removeprefix('cgrad.')}:{line} {owner}: "
                                 f"{old} -> {new}", top in laws)  # fmt: skip


def _changes(node: ast.AST) -> list[Any]:
    """Replacements of one node."""
    made: list[Any] = []

    def new(**fields: Any) -> None:
        changed = copy.deepcopy(node)
        for name, value in fields.items():
            setattr(changed, name, value)
        made.append(changed)

    if isinstance(node, ast.BinOp):
        if type(node.op) in OPERATORS:
            new(op=OPERATORS[type(node.op)]())
        if isinstance(node.op, (ast.Sub, ast.Div, ast.Pow)):
            new(left=node.right, right=node.left)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        if type(node.ops[0]) in OPERATORS:
            new(ops=[OPERATORS[type(node.ops[0])]()])
    elif isinstance(node, ast.BoolOp):
        new(op=OPERATORS[type(node.op)]())
        made.extend(copy.deepcopy(node.values[:2]))
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, (ast.USub, ast.Not)):
            made.append(copy.deepcopy(node.operand))
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            new(value=not node.value)
        elif isinstance(node.value, (int, float)):
            new(value=node.value + 1)
        elif isinstance(node.value, str) and node.value in NEIGHBOURS:
            new(value=NEIGHBOURS[node.value])
    elif isinstance(node, ast.Tuple) and _is_factors(node):
        for k in range(len(node.elts)):
            new(elts=node.elts[:k] + node.elts[k + 1 :])
    elif isinstance(node, ast.List) and len(node.elts) > 1:
        if all(isinstance(e, ast.Lambda) for e in node.elts):
            new(elts=node.elts[::-1])
    elif isinstance(node, ast.If) and isinstance(node.body[0], ast.Return):
        new(test=ast.Constant(False))
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name in CASTS or name == "Over":
            made.append(copy.deepcopy(node.args[0]))
        elif name in BUILDERS and len(node.args) == 3 and not _commutes(node.args[0]):
            new(args=[node.args[0], node.args[2], node.args[1]])
        elif name in NEIGHBOURS and isinstance(node.func, ast.Name) and name not in ("min", "max"):
            new(func=ast.Name(NEIGHBOURS[name], ast.Load()))
    return made


def _commutes(name: ast.expr) -> bool:
    return isinstance(name, ast.Constant) and name.value in COMMUTATIVE


def _is_factors(node: ast.Tuple) -> bool:
    """Whether a tuple looks like the factors of a partial."""
    text = ast.unparse(node)
    return len(node.elts) > 0 and ("Over(" in text or "NEG" in text or "_like(" in text)


# -- putting a mutant in force --------------------------------------------------------------------
class _Put(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: Any) -> None:
        self.old = old
        self.new = new

    def visit(self, node: ast.AST) -> Any:
        if node is self.old:
            return ast.copy_location(self.new, node)
        return self.generic_visit(node)


def changed(mutant: Mutant) -> tuple[ast.Module, ast.Module]:
    """The tree as it is and with the change."""
    tree, other = kept_source(mutant.module), source(mutant.module)
    node = list(ast.walk(other))[mutant.place]
    new = _changes(node)[mutant.change]
    other = ast.fix_missing_locations(_Put(node, new).visit(other))
    return tree, other


def install(mutant: Mutant) -> int:
    """Put the change in force; the number of functions and rules that changed."""
    tree, other = changed(mutant)
    old, new = tree.body[mutant.top], other.body[mutant.top]
    if mutant.is_law:
        return _declare(importlib.import_module(mutant.module), new)
    return replace_code(mutant.module, old, new)


@functools.cache
def functions_of(module: str) -> list[types.FunctionType]:
    """All functions there are that the source of a module made."""
    found = [f for f in gc.get_objects() if type(f) is types.FunctionType]
    return [f for f in found if f.__module__ == module]


def replace_code(name: str, old: ast.stmt, new: ast.stmt) -> int:
    """Give what a statement of a module made the code of another one; how many functions."""
    file = str(importlib.import_module(name).__file__)
    # the code of a call depends on whether it is of a module that has been imported
    imports = [s for s in kept_source(name).body if isinstance(s, (ast.Import, ast.ImportFrom))]
    codes = [compile(ast.Module([*imports, s], []), file, "exec") for s in (old, new)]
    pairs: list[tuple[types.CodeType, types.CodeType]] = []
    _pair(codes[0], codes[1], pairs)
    count = 0
    for f in functions_of(name):
        for before, after in pairs:
            if f.__code__ == before:
                f.__code__ = after
                count += 1
                break
    return count


def _pair(old: types.CodeType, new: types.CodeType, pairs: list[Any]) -> None:
    inner = [[c for c in code.co_consts if isinstance(c, types.CodeType)] for code in (old, new)]
    if old != new and old.co_name != "<module>":
        pairs.append((old, new))
    if len(inner[0]) == len(inner[1]):  # else a comprehension is gone, which is no function
        for a, b in zip(*inner, strict=True):
            _pair(a, b, pairs)


def _declare(module: Any, stmt: ast.stmt) -> int:
    """The rules that a statement declares, in place of those of the same names."""
    name = next(n for n, v in vars(module).items() if n in ("ALGEBRA", "_LAWS"))
    kept = getattr(module, name)
    scratch = RuleSet("changed")
    setattr(module, name, scratch)
    try:
        exec(compile(ast.Module([stmt], []), "changed", "exec"), vars(module))
    finally:
        setattr(module, name, kept)
    count = 0
    for rule in [*_SIMPLIFY.rules, *_EXPAND.rules]:
        for new in scratch.rules:
            if rule.name == new.name and rule in kept.rules:
                rule.apply = new.apply
                count += 1
    return count
