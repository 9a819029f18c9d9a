"""`cgrad cache`: looking into the cache, and keeping it small."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import time
from typing import Any

from cgrad import config
from cgrad.cache import contents
from cgrad.cache.contents import Item
from cgrad.cache.key import explain
from cgrad.cache.store import Store, base_stores, default_root
from cgrad.cli.output import (
    DONE,
    FAILED,
    Output,
    UsageError,
    WorkFailed,
    age_text,
    short,
    size_text,
)
from cgrad.cli.parser import Commands, add_json

EXAMPLES = """examples:
  cgrad cache info                     where it is and how much it holds
  cgrad cache list                     every entry, used last first
  cgrad cache show 3f2a                one entry: what it was made from, its C file
  cgrad cache explain 3f2a 81c0        why two entries are not one
  cgrad cache verify                   check every checksum
  cgrad cache prune --max-size 500M    remove what was not used longest
  cgrad cache clear --yes              remove everything
"""

_SHOWN_LINES = 40


def add(commands: Commands) -> None:
    """The parsers of the group."""
    parser = commands.add(
        "cache", "look into the cache of compiled functions, clean it", EXAMPLES,
        description="The cache may be cleaned at any time, also while programs run: a library "
        "that is loaded stays valid when its file is removed.",
    )  # fmt: skip
    group = Commands(parser, "subcommand")
    plain = {
        "info": ("where the cache is and how much it holds", info),
        "list": ("list the entries, used last first", list_),
        "show": ("show what an entry was made from", show),
        "explain": ("say in which fields two entries differ", explain_),
        "verify": ("check every file; damaged ones are removed with --remove", verify),
        "prune": ("remove the entries that were not used longest", prune),
        "clear": ("remove all entries", clear),
    }
    made = {}
    for name, (summary, run) in plain.items():
        lines = [line for line in EXAMPLES.splitlines() if f" cache {name}" in line]
        made[name] = group.add(name, summary, "\n".join(["examples:", *lines]))
        made[name].set_defaults(run=run)
    made["show"].add_argument("key", metavar="KEY", help="the key, or its first digits")
    made["show"].add_argument("--source", action="store_true", help="print the whole C file")
    made["explain"].add_argument("key", metavar="KEY", help="the key, or its first digits")
    made["explain"].add_argument("other", metavar="KEY", help="the other one")
    made["verify"].add_argument("--remove", action="store_true", help="remove what is damaged")
    made["prune"].add_argument(
        "--max-size", required=True, metavar="SIZE", help="bytes that may stay: 500M, 2G"
    )
    made["clear"].add_argument("--yes", action="store_true", help="do not ask")
    for name in made:
        add_json(made[name])


def _store() -> Store:
    """The user's cache directory, if it can be trusted."""
    root = default_root()
    if not root:
        raise WorkFailed("there is no cache directory: neither CGRAD_CACHE_DIR nor HOME is set")
    store = Store(root, writable=False)  # looking must not make it
    try:
        store.check()
    except OSError as error:
        raise WorkFailed(f"the cache directory cannot be used: {error}") from error
    return store


def info(args: argparse.Namespace, out: Output) -> int:
    """Where, how many, how large."""
    store = _store()
    found = contents.items(store)
    total = sum(item.size for item in found)
    kinds = {kind: sum(item.kind == kind for item in found) for kind in
             dict.fromkeys(["kernel", *(item.kind for item in found)])}  # fmt: skip
    bases = [
        {"directory": base.root, "entries": len(contents.items(base))} for base in base_stores()
    ]
    limit = config.cache_size.get()
    out.text(f"directory  {store.root}{'' if os.path.isdir(store.base) else ' (not made yet)'}")
    out.text(f"mode       {config.cache_mode.get()}{', offline' if config.offline.get() else ''}")
    counted = ", ".join(f"{n} {kind}{'s' if n != 1 else ''}" for kind, n in kinds.items())
    out.text(f"entries    {counted.replace('damageds', 'damaged')}")
    out.text(f"lookups    {len(contents.records(store))} records of which graph has which entry")
    out.text(f"size       {size_text(total)} of at most {size_text(limit)}")
    for base in bases:
        out.text(f"base       {base['directory']} ({base['entries']} entries)")
    out.result(
        directory=store.root, mode=config.cache_mode.get(), offline=config.offline.get(),
        entries=len(found), kinds=kinds, bytes=total, max_bytes=limit, bases=bases,
    )  # fmt: skip
    return DONE


def list_(args: argparse.Namespace, out: Output) -> int:
    """A line for each entry, of base directories too."""
    own = _store()
    now = time.time()
    found = [
        (store.root, item) for store in (*base_stores(), own) for item in contents.items(store)
    ]
    rows = [
        [i.key[:12], i.kind, i.name, size_text(i.size), age_text(now - i.used)] for _, i in found
    ]
    if rows:
        out.table(["KEY", "KIND", "NAME", "SIZE", "USED"], rows, right="SIZE")
    else:
        out.text(f"the cache is empty: {own.root}")
    out.result(entries=[{**_fields(item), "directory": root} for root, item in found])
    return DONE


def _fields(item: Item) -> dict[str, Any]:
    return {
        "key": item.key, "kind": item.kind, "name": item.name, "bytes": item.size,
        "used": int(item.used), "path": item.path, "damage": item.damage,
    }  # fmt: skip


def _entry(key: str) -> Item:
    """The one entry whose key begins so."""
    digits = key.lower()
    if len(digits) > 64 or not digits or set(digits) - set("0123456789abcdef"):
        raise UsageError(f"{short(key, 80)!r} is no key; `cgrad cache list` shows them")
    stores = (*base_stores(), _store())
    found = {
        i.key: i for s in reversed(stores) for i in contents.items(s) if i.key.startswith(digits)
    }
    if len(found) != 1:
        many = f"{len(found)} entries begin" if found else "no entry begins"
        raise UsageError(f"{many} with {digits}; `cgrad cache list` shows them")
    (item,) = found.values()
    if item.entry is None:
        raise WorkFailed(f"the entry is damaged: {item.damage}")
    return item


def show(args: argparse.Namespace, out: Output) -> int:
    """What an entry was made from."""
    item = _entry(args.key)
    assert item.entry is not None
    described = item.entry.attributes
    out.text(f"key        {item.key}")
    out.text(f"file       {item.path}, {size_text(item.size)}")
    out.text(f"compiled   in {described['seconds']:.2f} s")
    for label, value in dict(item.fields).items():
        out.text(f"{label:<16} {value}")
    if args.source:
        out.text()
        out.text(item.entry.source)
    extra = {"source": item.entry.source} if args.source else {}
    out.result(
        **_fields(item), seconds=described["seconds"], fields=dict(item.fields),
        meta=described["meta"], **extra,
    )  # fmt: skip
    return DONE


def explain_(args: argparse.Namespace, out: Output) -> int:
    """The fields in which two entries differ."""
    one, other = _entry(args.key), _entry(args.other)
    lines = explain(one.fields, other.fields)
    for line in lines or ["the two are the same"]:
        out.text(line)
    changed = _changed(one, other)
    if len(changed) > _SHOWN_LINES:  # the function comes last, what it calls before it
        out.text(f"  {len(changed) - _SHOWN_LINES} other lines, and")
    for line in changed[-_SHOWN_LINES:]:
        out.text(f"  {out.paint(line, 'red' if line[0] == '-' else 'green')}")
    out.result(keys=[one.key, other.key], differences=lines, source=changed)
    return DONE


def _changed(one: Item, other: Item) -> list[str]:
    """The lines of C that only one of two entries has, with - or + before them."""
    assert one.entry is not None and other.entry is not None
    before, after = one.entry.source.splitlines(), other.entry.source.splitlines()
    found = difflib.unified_diff(before, after, lineterm="", n=0)
    return [line for line in found if line[0] in "+-" and line[:3] not in ("+++", "---")]


def verify(args: argparse.Namespace, out: Output) -> int:
    """Check every file; exit code 1 if some are damaged and stay."""
    store = _store()
    wrong = contents.verify(store)
    for path, reason in wrong:
        if args.remove:
            contents.remove(path)
        out.text(f"{out.paint('damaged', 'red')}  {reason}{' (removed)' if args.remove else ''}")
    for base in base_stores():
        for path, reason in contents.verify(base):
            out.text(f"{out.paint('damaged', 'red')}  {reason} (in a base directory: left alone)")
            wrong.append((path, reason))
    checked = len(contents.items(store))
    kept = [path for path, _ in wrong if os.path.lexists(path)]
    fix = "; remove them: cgrad cache verify --remove" if kept else ""
    out.text(f"{checked} entries checked, {len(wrong)} files damaged{fix}")
    out.result(
        checked=checked, damaged=[{"path": p, "reason": r} for p, r in wrong], left=len(kept)
    )
    return FAILED if kept else DONE


def prune(args: argparse.Namespace, out: Output) -> int:
    """Remove the longest unused entries."""
    try:
        cap = config.byte_count(args.max_size)
    except ValueError as error:
        raise UsageError(f"--max-size {short(args.max_size, 40)!r}: {error}") from error
    store = _store()
    freed = contents.prune(store, cap) if os.path.isdir(store.base) else 0
    out.text(f"removed {size_text(freed)}")
    out.result(freed=freed)
    return DONE


def clear(args: argparse.Namespace, out: Output) -> int:
    """Remove everything, after asking."""
    store = _store()
    found = contents.items(store)
    total = size_text(sum(item.size for item in found))
    if found and not args.yes:
        if args.json or not sys.stdin.isatty():
            raise UsageError("nothing was removed: say --yes where nobody can be asked")
        answer = input(f"remove {len(found)} entries, {total}, in {store.root}? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            out.text("nothing was removed")
            return FAILED
    freed = contents.clear(store)
    out.text(f"removed {len(found)} entries, {size_text(freed)}")
    out.result(removed=len(found), freed=freed)
    return DONE
