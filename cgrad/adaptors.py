"""C functions around a compiled one, of the signatures that others expect.

Their names begin with cg_, so that none is the name of the function.

Responsible for: their texts.  Not responsible for: the function itself (`codegen.standalone`).
"""

from __future__ import annotations

from cgrad.codegen.standalone import Library

__all__ = ["CALLBACK", "DENSITY", "callback", "density", "is_of_one_number", "visible"]

CALLBACK, DENSITY = "cg_callback", "cg_density"
_LARGEST_STACK = 1 << 16  # bytes of workspace that a callback has on the stack


def visible(declarations: str) -> str:
    """Declarations of functions that the library exports."""
    return f"#pragma GCC visibility push(default)\n{declarations}\n#pragma GCC visibility pop\n"


def is_of_one_number(made: Library) -> bool:
    return [a.kind for a in made.arguments] == ["value", "output", "work"]


def callback(made: Library) -> str:
    """A C function that SciPy can call, empty where the arguments do not fit."""
    arguments = made.arguments
    outputs = [a for a in arguments if a.kind in ("output", "shape")]
    taken = [a for a in arguments if a.kind in ("value", "array")]
    numbers = all(a.kind == "value" for a in taken)
    vector = len(taken) == 1 and taken[0].kind == "array" and len(taken[0].shape) == 1
    fits = (
        [(a.kind, a.shape, a.dtype) for a in outputs] == [("output", (), "float64")]
        and taken
        and all(a.dtype == "float64" for a in taken)
        and (numbers or vector)
        and made.work_bytes is not None
        and made.work_bytes <= _LARGEST_STACK
    )
    if not fits:
        return ""
    one = is_of_one_number(made)
    given = []
    for argument in arguments:
        if argument.kind == "size":
            given.append("cg_n")
        elif argument.kind == "value":
            given.append("cg_x" if one else f"cg_x[{taken.index(argument)}]")
        else:
            given.append({"array": "cg_x", "output": "&cg_y", "work": "cg_space"}[argument.kind])
    head = f"double {CALLBACK}({'double cg_x' if one else 'int cg_n, double *cg_x'})"
    check = ""
    if not one and "cg_n" not in given:  # SciPy passes as many as it was given ranges
        length = len(taken) if numbers else taken[0].shape[0]
        check = f"    if (cg_n != {length}) return NAN;\n"
    return (
        f"\n{visible(head + ';')}\n{head}\n{{\n{check}"
        f"    double cg_y;\n    _Alignas(64) char cg_space[{max(64, made.work_bytes or 0)}];\n"
        f"    return {made.name}({', '.join(given)}) == CG_OK ? cg_y : NAN;\n}}\n"
    )


def density(made: Library) -> str:
    """Value and gradient as samplers call them, empty where the arguments do not fit."""
    arrays = [a for a in made.arguments if a.kind in ("value", "array")]
    outputs = [a for a in made.arguments if a.kind in ("output", "shape")]
    if [(a.kind, a.dtype, len(a.shape)) for a in arrays] != [("array", "float64", 1)]:
        return ""
    own = [("output", "float64", ()), ("output", "float64", arrays[0].shape)]
    if [(a.kind, a.dtype, a.shape) for a in outputs] != own:
        return ""
    names = {"array": "cg_x", "size": "(int64_t)cg_dim", "work": "cg_space"}
    given = [names.get(a.kind) or {0: "cg_logp", 1: "cg_grad"}[a.place] for a in made.arguments]
    length = arrays[0].shape[0]
    check = ""
    if not any(a.kind == "size" for a in made.arguments):
        check = f"    if (cg_dim != {length}) return CG_SHAPE;\n"
    needed = ", ".join("(int64_t)cg_dim" for _ in made.work_arguments)
    head = (
        f"int64_t {DENSITY}(uint64_t cg_dim, const double *cg_x, double *cg_grad, double *cg_logp, "
        "void *cg_data)"
    )
    return (
        f"\n#include <stdlib.h>\n{visible(head + ';')}\n{head}\n{{\n"
        f"    (void)cg_data;\n{check}"
        f"    const int64_t cg_bytes = {made.name}_work({needed});\n"
        "    if (cg_bytes < 0 || cg_bytes > PTRDIFF_MAX - 64) return CG_MEMORY;\n"
        "    const size_t cg_padded = ((size_t)cg_bytes + 63) / 64 * 64;\n"
        "    void *const cg_space = cg_padded ? aligned_alloc(64, cg_padded) : NULL;\n"
        "    if (cg_bytes && cg_space == NULL) return CG_MEMORY;\n"
        f"    const int64_t cg_code = {made.name}({', '.join(given)});\n"
        "    free(cg_space);\n"
        "    return cg_code != CG_OK ? cg_code : isfinite(*cg_logp) ? 0 : -1;\n}\n"
    )
