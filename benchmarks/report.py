"""Results as tables, and as one JSON document."""

from __future__ import annotations

from typing import Any

from benchmarks.runner import Timed, ratio
from benchmarks.starts import Starts
from benchmarks.workload import Case


def show(seconds: float) -> str:
    """A time with three digits and a fitting unit."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def base_of(timed: list[Timed]) -> Timed | None:
    """The contender that the others are compared with: C by hand, where it was measured."""
    return next((one for one in timed if one.tool == "c" and not one.missing), None)


def times(case: Case, timed: list[Timed]) -> str:
    """A table of the times of a case; the spread is that of the medians of its rounds."""
    base = base_of(timed)
    lines = [f"\n{case.label}: {case.module.TITLE}"]
    lines.append(f"  {'':20}{'min':>10}{'median':>10}{'min/C':>8}{'med./C':>8}{'spread':>8}")
    for one in timed:
        if one.missing:
            lines.append(f"  {one.tool:20}{one.missing}")
            continue
        low = f"{one.low / base.low:.2f}" if base else ""
        typical = f"{ratio(one, base):.2f}" if base else ""
        spread = f"{max(one.medians) / min(one.medians):.2f}"
        lines.append(
            f"  {one.tool:20}{show(one.low):>10}{show(one.median):>10}"
            f"{low:>8}{typical:>8}{spread:>8}"
        )
    return "\n".join(lines)


def starts(found: list[Starts]) -> str:
    """A table of the starts of a case."""
    lines = []
    for one in found:
        if one.missing:
            lines.append(f"  {one.tool:20}{one.missing}")
        for kind in one.found:
            phases = ", ".join(
                f"{phase} {show(one.median(kind, phase))}"
                for phase in ("import", "graph", "compile", "first call")
            )
            total = show(one.median(kind, "seconds"))
            lines.append(f"  {one.tool:16}{kind:5} {phases}; the process {total}")
    return "\n".join(lines)


def as_dict(case: Case, timed: list[Timed], found: list[Starts]) -> dict[str, Any]:
    """The same for JSON, with every round."""
    base = base_of(timed)
    contenders = []
    for one in timed:
        entry = one.as_dict()
        if base and not one.missing:
            entry["ratio to C"] = ratio(one, base)
        contenders.append(entry)
    return {
        "title": case.module.TITLE,
        "contenders": contenders,
        "starts": [one.as_dict() for one in found],
    }
