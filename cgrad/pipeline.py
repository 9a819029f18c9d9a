"""The ordered passes from a graph to C text, and from there to a kernel.

capture    cut at the inputs, find hidden arguments (data, shared values)
intern     equal nodes are one node                              core.graphs
number     every node has a tag that survives to the C           core.graphs
lookup     the graph's structure leads to a kernel that is there cache
unify      equal sizes are one size; checks at entry             codegen.unify
simplify   canonical, then stable forms                          rewrites
expand     functions in terms of cheaper ones                    rewrites
lower      one nest per buffer                                   codegen.lower
fuse       nests with a common prefix are one                    codegen.fuse
unroll     short loops around loops written out                  codegen.unroll
shrink     temporaries lose the axes of their loop               codegen.shrink
collapse   loops over consecutive elements are one               codegen.collapse
place      each value once, at its depth                         codegen.place
lanes      rows in lanes, where sums are over short axes        codegen.lanes
strip      rows in blocks, functions of a row vectorised         codegen.strip
jam        short rows four at a time                             codegen.jam
totals     sums in a fixed order                                 codegen.totals
products   of rows and a vector, four rows at a time             codegen.row_products
split      long functions in parts                               codegen.split
parallel   independent outer loops for threads                   codegen.parallel
memory     temporaries in slots of one workspace                 codegen.memory
emit       C text                                                codegen.emit
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from cgrad import config, rewrites
from cgrad.cache import toolchain
from cgrad.cache.load import Kernel as LoadedKernel
from cgrad.cache.load import Source, load_kernel
from cgrad.cache.store import warn_once
from cgrad.codegen.collapse import collapse
from cgrad.codegen.dropped import inside
from cgrad.codegen.emit import emit
from cgrad.codegen.fuse import fuse
from cgrad.codegen.jam import jam
from cgrad.codegen.lanes import lanes
from cgrad.codegen.lower import Block
from cgrad.codegen.memory import Slot, arrange, flat
from cgrad.codegen.names import Names
from cgrad.codegen.parallel import parallel
from cgrad.codegen.place import place
from cgrad.codegen.places import Place
from cgrad.codegen.prelude import routines
from cgrad.codegen.row_products import row_products
from cgrad.codegen.show import show
from cgrad.codegen.shrink import shrink
from cgrad.codegen.split import split
from cgrad.codegen.strip import strip
from cgrad.codegen.totals import totals
from cgrad.codegen.unify import is_entry_size, unify
from cgrad.codegen.unroll import unroll
from cgrad.core import graphs, loops, sizes
from cgrad.core.check import check_graph, check_loops
from cgrad.core.loops import Kernel
from cgrad.core.node import Input, Node
from cgrad.core.sites import describe
from cgrad.errors import BuildError
from cgrad.graph.cut import cut
from cgrad.ops.branch import IfElse, enclose
from cgrad.ops.constants import Data, Shared
from cgrad.ops.custom import Custom, unwrap
from cgrad.ops.foreign import foreign_names, foreign_text

# CGRAD_DEBUG from which the invariants of both IRs are checked between the passes
CHECK_LEVEL = 2
# and those from which the loops and the C text are printed
LOOPS_LEVEL, TEXT_LEVEL = 4, 5

T = TypeVar("T")


class Program:
    """A captured graph: what a function computes, before any rewrite.

    inputs   the user's arguments, then hidden ones (data and shared values)
    outputs  in the order of the kernel
    order    the nodes that the outputs need, each after its arguments
    nodes    these and those of bodies; the tag of a node is its place here
    math     None: elementary functions are those of `codegen/runtime`; "exact": those of libm;
             "fast": those that glibc has for vectors, where it has
    threads  whether loops are shared out among threads (their number is a matter of the call)
    """

    __slots__ = ("hidden", "inputs", "math", "name", "nodes", "order", "outputs", "threads")

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        name: str,
        math: str | None = None,
    ) -> None:
        own, outputs = cut(inputs, outputs)
        self.outputs, self.order = _interned(outputs)
        self.nodes = graphs.number(self.order)
        self.name = name
        self.math = math
        self.threads = config.num_threads.get() > 1 and _can_thread()
        self.hidden = [n for n in self.nodes if isinstance(n.op, (Data, Shared))]
        self.inputs = [*own, *self.hidden]
        given = set(self.inputs)
        for node in self.order:
            if isinstance(node.op, Input) and node not in given:
                raise TypeError(missing_input(node, self.order, self.outputs))
        for node in own:
            if node.tag is None or node.tag >= len(self.nodes) or self.nodes[node.tag] is not node:
                node.tag = len(self.nodes)
                self.nodes.append(node)

    def used(self) -> list[bool]:
        """For each of the user's inputs, whether its value or its sizes matter."""
        own = self.inputs[: len(self.inputs) - len(self.hidden)]
        reached = set(self.order)
        if not reached.issuperset(own):
            for node in self.nodes:
                for found, expected, _ in node.op.equalities(node):
                    reached.update((*sizes.nodes(found), *sizes.nodes(expected)))
        return [node in reached for node in own]

    def lookup_fields(self) -> list[tuple[str, str]]:
        """What tells this program from every other one."""
        structure = graphs.structure(self.inputs, self.outputs, self.order, _no_outer)
        options = [("math", str(self.math)), ("threads", str(self.threads))]
        return [("name", self.name), *options, ("graph", repr(structure))]


def _interned(outputs: list[Node]) -> tuple[list[Node], list[Node]]:
    """The outputs with equal nodes made one and no op that only derivatives need, and their order.

    Most graphs are walked twice; what is looked for in the nodes decides whether once more.
    """
    order = graphs.toposort(outputs)
    classes = graphs.op_classes(order)
    if Custom in classes:
        outputs = unwrap(outputs)
        order = graphs.toposort(outputs)
    interned = graphs.intern(outputs, order)
    if IfElse in classes:
        outputs = enclose(interned)
        order = graphs.toposort(outputs)
        interned = graphs.intern(outputs, order)
    same = all(new is old for new, old in zip(interned, outputs, strict=True))
    return interned, order if same else graphs.toposort(interned)


def _can_thread() -> bool:
    if toolchain.has_openmp():
        return True
    warn_once("functions use one thread: sharing loops out among threads needs gcc on Linux")
    return False


def _no_outer(node: Node) -> str:
    """The label of a node that only an expected shape mentions; it does not matter here."""
    return "elsewhere"


def missing_input(node: Node, order: Sequence[Node], outputs: Sequence[Node]) -> str:
    """The message for a free variable of a graph in `order` that is not among the inputs."""
    value = node in outputs or any(node in other.args for other in order)
    lines = [
        f"the outputs depend on {'' if value else 'the shape of '}{node!r}, "
        "which is not among the inputs",
        describe(node.site),
        "  Fix: add it to the inputs (of eval and of cgrad.optimize: to the dict of values), or "
        "make it a cgrad.shared variable.",
    ]
    return "\n".join(line for line in lines if line)


def simplified(program: Program) -> list[Node]:
    """The outputs after the rewrites a user may look at (`f.maker.fgraph`)."""
    return rewrites.simplify(program.outputs)


def lower(program: Program) -> tuple[Kernel, list[Slot], Names]:
    """The kernel of a program in the loop IR, the layout of its workspace, the names taken."""
    clock = _Clock(program.name)
    asked = inside(program.order, program.inputs)
    unified = unify(program.inputs, [*program.outputs, *asked.nodes], program.nodes)
    outputs = clock.done("simplify", rewrites.simplify(unified.outputs))
    outputs = clock.done("expand", rewrites.expand(outputs))
    outputs, compared = outputs[: len(program.outputs)], outputs[len(program.outputs) :]
    dropped = asked.kept(compared, graphs.toposort(outputs))
    names = Names()
    for called in sorted(foreign_names(program.nodes)):
        names.reserve(called)
    function = names.fresh(program.name)
    inputs = [
        names.buffer(node.name or f"x{k}", node.dtype, node.dims, "input")
        for k, node in enumerate(unified.inputs)
    ]
    results = [
        names.buffer(f"out{k}", node.dtype, node.dims, "output") for k, node in enumerate(outputs)
    ]
    kernel = Kernel(function, inputs, results)
    # sizes are named after the original nodes, which atoms mention
    kernel.position = {node: k for k, node in enumerate(program.inputs)}
    _name_sizes(kernel, names, unified.inputs, graphs.toposort([*outputs, *dropped.nodes]))
    kernel.checks = unified.checks
    kernel.foreign = foreign_text(program.nodes)

    block = Block(names)
    for node, buffer in zip(unified.inputs, inputs, strict=True):
        block.sources[node] = Place(buffer)
    for node, original in zip(unified.inputs, program.inputs, strict=True):
        block.sources.setdefault(original, block.sources[node])
    compare = dropped.places(block)
    block.lower([*((node, Place(b)) for node, b in zip(outputs, results, strict=True)), *compare])
    block.stmts += dropped.statements(compare)
    block.stmts += _true_shapes(kernel, block, outputs)
    clock.loops("lower", block.stmts)

    checking = config.debug.get() >= CHECK_LEVEL
    if checking:
        check_graph(outputs)
        check_loops(block.stmts, inputs)
    fused = clock.loops("fuse", fuse(block.stmts))
    fused = clock.loops("unroll", unroll(fused))
    fused = clock.loops("shrink", shrink(fused))
    fused = clock.loops("collapse", collapse(fused))
    if checking:
        check_loops(fused, inputs)
    stmts = clock.loops("place", place(fused, names))
    stmts = clock.loops("lanes", lanes(stmts, names))
    stmts = clock.loops("strip", strip(stmts, names))
    stmts = clock.loops("jam", jam(stmts, names))
    stmts = clock.loops("totals", totals(stmts, names))
    stmts = clock.loops("row products", row_products(stmts, names, program.threads))
    stmts = clock.loops("split", split(stmts, names))
    if program.threads:
        stmts = clock.loops("parallel", parallel(stmts, names, function))
    if checking:
        check_loops(stmts, inputs)
    kernel.sizes = list(names.sizes.items())
    kernel.body = stmts
    return kernel, arrange(stmts, lambda atom: atom in names.sizes), names


class _Clock:
    """Tells how long each pass took (CGRAD_DEBUG=2) and what the loops look like (4)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.level = config.debug.get()
        self.last = time.perf_counter()

    def done(self, what: str, result: T) -> T:
        """`result`, after a line about the pass that made it."""
        if self.level >= CHECK_LEVEL:
            now = time.perf_counter()
            print(f"cgrad {self.name}: {what} took {now - self.last:.4f} s", file=sys.stderr)
            self.last = now
        return result

    def loops(self, what: str, stmts: list[loops.Stmt]) -> list[loops.Stmt]:
        """The same for a pass over loops."""
        self.done(what, stmts)
        if self.level >= LOOPS_LEVEL:
            print(f"cgrad {self.name}: after {what}\n{show(stmts)}", file=sys.stderr)
            self.last = time.perf_counter()
        return stmts


def _name_sizes(
    kernel: Kernel, names: Names, inputs: Sequence[Node], order: Sequence[Node]
) -> None:
    """Name the sizes of arguments, and the integer arguments that sizes depend on."""
    for node in inputs:
        for size in node.dims:
            for atom in sizes.atoms(size):
                if is_entry_size(atom, kernel.position):
                    names.size(atom)
    stack = list(order)
    while stack:
        node = stack.pop()
        for size in node.op.sizes():
            for atom in sizes.atoms(size):
                if is_entry_size(atom, kernel.position):
                    names.size(atom)
        for body in node.op.bodies:
            stack.extend(body.order)


def _true_shapes(kernel: Kernel, block: Block, outputs: Sequence[Node]) -> list[loops.Stmt]:
    """Allocation bounds of the outputs; where they are not exact, the true sizes go back."""
    stmts: list[loops.Stmt] = []
    for k, (node, buffer) in enumerate(zip(outputs, kernel.outputs, strict=True)):
        buffer.shape = tuple(block.resolve(n) for n in node.dims)
        known = block.names.sizes.__contains__
        kernel.bounds.append(largest_shape(node, k, buffer.shape, known))
        for axis, (n, most) in enumerate(zip(buffer.shape, kernel.bounds[-1], strict=True)):
            if n != most:
                stmts.append(loops.Resize(k, axis, n))
    return stmts


def largest_shape(
    node: Node, place: int, shape: Sequence[sizes.SizeLike], known: Callable[[sizes.Atom], bool]
) -> tuple[sizes.SizeLike, ...]:
    """The largest lengths that a result may have, in terms of the sizes that are known at entry."""
    found = [sizes.upper(n, known) for n in shape]
    if None in found:
        raise NotImplementedError(
            f"output {place} has shape {node.type!r}, a size that no argument bounds; "
            "pass the length as an argument of the function"
        )
    return tuple(n for n in found if n is not None)


def generate(program: Program) -> str:
    """The C file of a program."""
    return emit(*lower(program), math=program.math)


def _workspace(kernel: Kernel, slots: Sequence[Slot]) -> str:
    """The bytes of the workspace over the named sizes, without the padding of each slot."""
    known = dict(kernel.sizes)

    def name(atom: sizes.Atom) -> str:
        return known.get(atom) or sizes.compound_text(atom, name)

    total: sizes.SizeLike = 0
    for slot in slots:
        total = total + sizes.product((slot.count, slot.bytes))
    return sizes.render(total, name)


def load(program: Program, meanwhile: Callable[[], object] | None = None) -> LoadedKernel:
    """The compiled kernel of a program, from the cache if it is there.

    meanwhile   what to do while it is compiled
    """
    made: list[str] = []

    def source() -> Source:
        kernel, slots, names = lower(program)
        meta: dict[str, Any] = {
            "sizes": [name for _, name in kernel.sizes],
            "nests": sum(isinstance(stmt, (loops.For, loops.Note)) for stmt in flat(kernel.body)),
            "slots": len(slots),
            "workspace": _workspace(kernel, slots),
            # results whose length only the kernel knows
            "counted": sorted({s.position for s in kernel.body if isinstance(s, loops.Resize)}),
        }
        made.append(emit(kernel, slots, names, math=program.math))
        # it may be left at any instruction: it calls nothing of the user's
        meta["interruptible"] = not kernel.foreign and "cg_python(" not in made[-1]
        called = routines(made[-1])
        if called:
            meta["routines"] = called
        if config.debug.get() >= TEXT_LEVEL:
            print(f"cgrad {program.name}: the C text\n{made[-1]}", file=sys.stderr)
        return Source(made[-1], meta)

    try:
        return load_kernel(program.lookup_fields(), source, meanwhile)
    except BuildError as error:
        if made and error.line_number is not None:
            for node in ops_at(program, made[-1], error.line_number):
                error.add_note(f"the C line computes {node!r}\n{describe(node.site)}")
        raise


_TAG = re.compile(r"\[n(\d+)\]")


def ops_at(program: Program, text: str, line_number: int) -> list[Node]:
    """The nodes that the comment above a line of the C text names."""
    for line in reversed(text.splitlines()[:line_number]):
        tags = [int(tag) for tag in _TAG.findall(line)]
        if tags:
            return [program.nodes[tag] for tag in tags if tag < len(program.nodes)]
    return []
