"""How commands are declared: one parser each, with examples at the end of its help."""

from __future__ import annotations

import argparse
from typing import Any


class Parser(argparse.ArgumentParser):
    """Keeps the line breaks of descriptions and examples."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", _Formatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def _fill_text(self, text: str, width: int, indent: str) -> str:
        # what has line breaks has them on purpose
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


class Commands:
    """The commands of a parser, or the subcommands of one of them."""

    def __init__(self, parser: argparse.ArgumentParser, dest: str) -> None:
        self._parsers = parser.add_subparsers(
            dest=dest, metavar="COMMAND", title="commands", required=True, parser_class=Parser
        )

    def add(self, name: str, summary: str, examples: str, description: str = "") -> Parser:
        """A command of this name; `summary` is its line in the help of all."""
        words = description or f"{summary[0].upper()}{summary[1:]}."
        made: Parser = self._parsers.add_parser(
            name, help=summary, description=words, epilog=examples
        )
        return made


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option --json."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object (docs/cli.md has its fields)"
    )
