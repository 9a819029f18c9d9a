"""Mutants that compute the same, looked at one by one: `file owner: old -> new` and why."""

EQUIVALENT: dict[str, str] = {}
