"""How commands are declared: one parser each, with examples at the end of its help."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn


class Misused(Exception):
    """A command line that its parser refuses: `help` is what to print before the message."""

    def __init__(self, command: str, help: str, message: str) -> None:
        super().__init__(message)
        self.command = command
        self.help = help


class Parser(argparse.ArgumentParser):
    """Keeps the line breaks of descriptions and examples."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", _Formatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise Misused; who names no command gets the list of them."""
        unnamed = message.endswith("required: COMMAND")
        help = self.format_help() if unnamed else self.format_usage()
        raise Misused(self.prog.partition(" ")[2], help, message)


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
