"""Documents whose examples run: what they show is compared with what is printed now.

In a Markdown file,

* a fenced block with `>>>` prompts is a doctest (`...` stands for anything); all blocks of a
  file share their variables;
* a fenced block after the line `<!-- print: EXPRESSION -->` holds the text of the expression.

`python tests/documents.py FILE ...` writes the present output into the files.
"""

from __future__ import annotations

import doctest
import linecache
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cgrad import pipeline

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(
    r"(?:^<!-- (?P<word>[\w-]+): (?P<value>.*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
OPTIONS = doctest.ELLIPSIS | doctest.REPORT_NDIFF


def computation(c_source: str, name: str = "f") -> str:
    """Of a generated C file the function that computes: no runtime, no interface."""
    start = c_source.index(f"static int64_t {name}(")
    return c_source[start : c_source.index("\n}\n", start) + 2]


def generated(f: Any, *left_out: str) -> str:
    """The C of a compiled function when the named passes of the pipeline do nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name in left_out:
            patch.setattr(pipeline, name, lambda stmts, *rest: stmts)
        return computation(pipeline.generate(f.maker.program))


class _Runner(doctest.DocTestRunner):
    """Keeps what each example printed."""

    def __init__(self) -> None:
        super().__init__(optionflags=OPTIONS, verbose=False)
        self.report: list[str] = []
        self.printed: dict[int, str] = {}

    def report_failure(self, out: Any, test: Any, example: Any, got: str) -> None:
        self.report.append(f"{test.filename}, line {test.lineno + example.lineno + 1}:")
        self.report.append(f"    {example.source.rstrip()}")
        self.report.append(f"expected\n{example.want}found\n{got}")
        if example.exc_msg is None and not got.startswith("Traceback"):
            self.printed[id(example)] = got

    def report_unexpected_exception(self, out: Any, test: Any, example: Any, exc_info: Any) -> None:
        self.report.append(f"{test.filename}, line {test.lineno + example.lineno + 1}:")
        self.report.append(f"    {example.source.rstrip()}\n{exc_info[0].__name__}: {exc_info[1]}")


class Document:
    """One file: `failures` says what differs, `text` is the file with the present output."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.failures: list[str] = []
        self.examples = 0
        variables: dict[str, Any] = {"computation": computation, "generated": generated}
        pieces: list[str] = []
        end = 0
        for match in FENCE.finditer(self.text):
            begin, stop = match.span("text")
            old = match["text"]
            if match["word"] == "print":
                new = f"{eval(match['value'], variables)}".rstrip() + "\n"
                self._compare(begin, old, new)
            elif ">>> " in old:
                new = self._doctest(begin, old, variables)
            else:
                continue
            pieces += [self.text[end:begin], new]
            end = stop
        self.text = "".join([*pieces, self.text[end:]])

    def _line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1

    def _compare(self, position: int, old: str, new: str) -> None:
        self.examples += 1
        if not doctest.OutputChecker().check_output(old, new, OPTIONS):
            where = f"{self.path.name}, line {self._line(position)}:"
            self.failures.append(f"{where}\nexpected\n{old}found\n{new}")

    def _doctest(self, position: int, old: str, variables: dict[str, Any]) -> str:
        name, line = self.path.name, self._line(position) - 1
        # every block has its own name, and its lines can be read after it ran, by error messages
        test = doctest.DocTestParser().get_doctest(old, {}, f"{name}:{line}", name, line)
        for k, example in enumerate(test.examples):
            rows = example.source.splitlines(keepends=True)
            file = f"<doctest {test.name}[{k}]>"
            linecache.cache[file] = (len(example.source), None, rows, file)
        test.globs = variables
        self.examples += len(test.examples)
        runner = _Runner()
        runner.run(test, clear_globs=False)
        self.failures += runner.report
        lines = old.splitlines(keepends=True)
        for example in reversed(test.examples):
            if id(example) in runner.printed:
                first = example.lineno + example.source.count("\n")
                last = first + example.want.count("\n")
                lines[first:last] = [runner.printed[id(example)]]
        return "".join(lines)


def marked(path: Path, word: str) -> Iterator[tuple[str, str]]:
    """(value, text) of every block after a line `<!-- word: value -->`."""
    for match in FENCE.finditer(path.read_text(encoding="utf-8")):
        if match["word"] == word:
            yield match["value"], match["text"].strip()


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        document = Document(Path(argument))
        print("\n".join(document.failures))
        Path(argument).write_text(document.text, encoding="utf-8")
