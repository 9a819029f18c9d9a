"""Command lines and CGRAD_* settings that make no sense: clear errors, and nothing written astray.

Every command of `cgrad` is run with arguments that are missing, of the wrong kind, hostile or huge,
under settings of rubbish. It ends with exit code 0, 1, 2 or 3, with a message where that is not 0
and never with a traceback; --json stays JSON; files appear in the cache, in the directory that was
named and in none other.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.reliability import subjects
from benchmarks.reliability.compilers import Compiler
from benchmarks.reliability.forks import Answer, fork
from benchmarks.reliability.plan import Plan, Result
from cgrad import config
from cgrad.cli.main import build_parser, main

_MODELS = """
import cgrad, cgrad.tensor as ct
x = ct.dvector("x")

@cgrad.precompile
def loss():
    return cgrad.function([x], [ct.sum(x**2), ct.grad(ct.sum(x**2), x)], name="loss")

f = cgrad.function([x], x * 2.0, name="twice")
number = 7

def broken():
    raise KeyError("lost")

def leaves():
    raise SystemExit(5)
"""
_TARGETS = ["models:loss", "models:f", "models", "models.py:f", "models:number", "models:broken",
            "models:leaves", "models:lost", "models:f.maker", "models:", ":f", ":", "", "os",
            "no.such.module:f", "models:loss:loss", "./models.py:loss", "../models:f", "a b:c",
            "models:__class__", "models:f;import os", "__main__:f", "syntax.py:f"]  # fmt: skip
_WORDS = ["", "0", "1", "-1", "7", "1e9", "nan", "99999999999999999999", "100M", "-5G", "x" * 5000,
          "--", "-", "-x", "--lost", "@file", "*", "~", "..", "../../astray", "a/b", "/dev/null",
          "/dev/full", "/proc/self/mem", '"; touch astray; "', "$(touch astray)", "\n", "日本", "é",
          "\udcff\udc80", "\x1b[31m", "%s%n", "{}", "f=1", "ab" * 32, "0" * 64, "bash", "float64",
          "c", "x:3", "x=3"]  # fmt: skip
_SETTINGS = [*_WORDS, "rw", "ro", "off", "always", "never", "auto", "1", "true", "false", "cat",
             "-O0", "-fno-such-option", "-o astray", "-fplugin=x.so", "-wrapper x", "'",
             "models.py", "cache", "K", "2K", "-1K", "4096", "5"]  # fmt: skip
# what would only take long
_LONG = {"--seconds", "--jobs", "-j", "--repeat", "--points"}
_CODES = (0, 1, 2, 3)
_PATIENCE = 300.0  # seconds


def run(plan: Plan) -> Result:
    result = Result()
    subjects.prepare("cgrad")
    work = plan.folder / "a" / "b" / "work"
    work.mkdir(parents=True)
    (work / "models.py").write_text(_MODELS)
    (work / "syntax.py").write_text("f = (\n")
    compiler = Compiler(plan.folder / "compiler", remembers=True)
    commands = list(_commands(build_parser(), ()))
    rng = plan.random()
    for number in range(plan.count(12, 2000)):
        command, parser = commands[number // 2 % len(commands)]
        # in turn arguments of all kinds, and some that could be meant under settings of all kinds
        settings: dict[str, str] = {}
        if number % 2:
            words = _command_line(rng, command, parser, sense=0.9)
            chosen = rng.sample(config.SWITCHES, rng.choice([1, 1, 2, 4]))
            settings = {switch.variable: rng.choice(_SETTINGS) for switch in chosen}
        else:
            words = _command_line(rng, command, parser, sense=0.5)
        allowed = [work / word for word in (*words, *settings.values()) if _is_name(word)]
        before = _files(plan.folder)
        answer = _try(plan, work, words, {**compiler.environment(), **settings})
        what = f"cgrad {' '.join(map(repr, words))} {settings or ''}"
        _judge(answer, words, what[:700], result)
        for path in sorted(_files(plan.folder) - before):
            if not any(path.is_relative_to(os.path.normpath(each)) for each in allowed):
                result.fail(f"{what[:700]}: wrote {path}")
        result.add("command lines")
    return result


def _commands(
    parser: argparse.ArgumentParser, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Each command without subcommands, with its parser."""
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not inner:
        yield words, parser
    for action in inner:
        for name, below in action.choices.items():
            yield from _commands(below, (*words, name))


def _command_line(
    rng: random.Random,
    command: tuple[str, ...],
    parser: argparse.ArgumentParser,
    sense: float,
) -> list[str]:
    """The command with some of its options and arguments; the share `sense` of them is likely."""
    words = list(command)
    for action in parser._actions:
        if not action.option_strings:
            count = 1 if rng.random() < sense else rng.randrange(3)
            words += [_argument(rng, action, sense) for _ in range(count)]
        elif rng.random() < 0.3 and "--help" not in action.option_strings:
            name = rng.choice(action.option_strings)
            words.append(name)
            if action.nargs != 0 and rng.random() < 0.5 + sense / 2:
                words.append("1" if name in _LONG else _argument(rng, action, sense))
    if rng.random() > 0.5 + sense / 2:
        words.insert(rng.randrange(len(words) + 1), rng.choice(_WORDS))
    if rng.random() > 0.7 + 0.3 * sense:
        words = words[: rng.randrange(len(words) + 1)]
    return words


def _argument(rng: random.Random, action: argparse.Action, sense: float) -> str:
    likely = rng.random() < sense
    if action.choices is not None:
        return str(rng.choice(list(action.choices))) if likely else rng.choice(_WORDS)
    if action.dest == "target":
        return rng.choice(_TARGETS[:4] if likely else _TARGETS)
    if action.type is int and likely:
        return rng.choice(["1", "2", "0", "-3"])
    return rng.choice(["out", "twice", "1K"] if likely else _WORDS)


def _is_name(word: str) -> bool:
    """Whether a word may name a place below the working directory, or above it on purpose."""
    return word not in ("", "/", "~") and not word.startswith(("/dev", "/proc"))


def _try(plan: Plan, work: Path, words: list[str], settings: dict[str, str]) -> Answer:
    """Run a command in a process of its own."""

    def before() -> None:
        os.chdir(work)
        os.environ["HOME"] = os.fspath(plan.folder / "home")
        if "CGRAD_CACHE_DIR" not in settings:
            subjects.place_cache("cgrad", plan.folder / "cache")

    def task() -> dict[str, Any]:
        warnings.simplefilter("default")
        # as in a terminal: what cannot be encoded is an error on one and escaped on the other
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
        return {"code": code, "out": _text(out), "err": _text(err)}

    return fork(plan.folder, task, settings, before).wait(_PATIENCE)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    written: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]
    return written.decode()


def _judge(answer: Answer, words: list[str], what: str, result: Result) -> None:
    if answer.error or answer.value is None:
        result.fail(f"{what}: {answer.summary}\n{answer.error[-1500:]}")
        return
    code, out, err = answer.value["code"], answer.value["out"], answer.value["err"]
    result.add(f"with exit code {code}")
    result.expect(code in _CODES, f"{what}: exit code {code}: {err[-300:]}")
    result.expect("Traceback" not in out + err, f"{what}: {err[-1500:]}")
    result.expect(code == 0 or bool((out + err).strip()), f"{what}: code {code} and no word")
    if "--json" in words and code != 2:
        try:
            json.loads(out.splitlines()[-1])
        except (ValueError, IndexError):
            result.fail(f"{what}: no JSON but {out[-300:]!r}")


def _files(folder: Path) -> set[Path]:
    """What there is, but for the caches, the places for rubbish and what this test keeps."""
    own = {"cache", "home", "compiler", "tmp", "memory", "__pycache__", "children.log"}
    found: set[Path] = set()
    stack = [folder]
    while stack:
        for entry in os.scandir(stack.pop()):
            if entry.name in own or entry.name.startswith("answer-"):
                continue
            path = Path(entry.path)
            found.add(path)
            if entry.is_dir(follow_symlinks=False):
                stack.append(path)
    return found
