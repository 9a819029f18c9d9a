"""`cgrad completion`: words that a shell offers, read from the parser itself."""

from __future__ import annotations

import argparse

from cgrad.cli.output import DONE, Output
from cgrad.cli.parser import Commands

EXAMPLES = """examples:
  cgrad completion fish > ~/.config/fish/completions/cgrad.fish
  eval "$(cgrad completion bash)"     in ~/.bashrc
  eval "$(cgrad completion zsh)"      in ~/.zshrc, after compinit
"""


def add(commands: Commands, parser: argparse.ArgumentParser) -> None:
    """The parser of the command; `parser` is that of the whole command line."""
    own = commands.add("completion", "print what makes a shell complete commands", EXAMPLES)
    own.add_argument("shell", choices=["bash", "zsh", "fish"])

    def run(args: argparse.Namespace, out: Output) -> int:
        print({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](words(parser)))
        return DONE

    own.set_defaults(run=run)


def words(parser: argparse.ArgumentParser, path: str = "") -> dict[str, list[tuple[str, str]]]:
    """For each chain of commands the words that may follow, with their help."""
    found: list[tuple[str, str]] = []
    deeper: dict[str, list[tuple[str, str]]] = {}
    for action in parser._actions:
        found += [(o, action.help or "") for o in action.option_strings if o.startswith("--")]
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, inner in action.choices.items():
                found.append((name, helps.get(name, "")))
                deeper.update(words(inner, f"{path} {name}".strip()))
        elif action.choices:
            found += [(str(choice), "") for choice in action.choices]
    return {path: found, **deeper}


def _cases(table: dict[str, list[tuple[str, str]]]) -> str:
    return "\n".join(
        f'    "{path}") found="{" ".join(word for word, _ in found)}" ;;'
        for path, found in table.items()
    )


def _bash(table: dict[str, list[tuple[str, str]]]) -> str:
    return f"""_cgrad() {{
  local path="" found="" word k
  for ((k = 1; k < COMP_CWORD; k++)); do
    word="${{COMP_WORDS[k]}}"
    case "$word" in -*|*[:./]*) ;; *) [ ${{#path}} -lt 20 ] && path="${{path:+$path }}$word" ;; esac
  done
  case "$path" in
{_cases(table)}
  esac
  COMPREPLY=($(compgen -W "$found" -- "${{COMP_WORDS[COMP_CWORD]}}"))
  [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -F _cgrad cgrad"""


def _zsh(table: dict[str, list[tuple[str, str]]]) -> str:
    return f"""_cgrad() {{
  local chain="" found="" word
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$word" in -*|*[:./]*) ;; *) chain="${{chain:+$chain }}$word" ;; esac
  done
  case "$chain" in
{_cases(table)}
  esac
  if [[ -n "$found" ]]; then compadd -- ${{=found}}; fi
  _files
}}
compdef _cgrad cgrad"""


def _fish(table: dict[str, list[tuple[str, str]]]) -> str:
    lines = []
    for path, found in table.items():
        chain = path.split()
        conditions = [f"__fish_seen_subcommand_from {name}" for name in chain]
        inner = [p.split()[-1] for p in table if p and p.split()[:-1] == chain]
        if inner:
            conditions.append(f"not __fish_seen_subcommand_from {' '.join(inner)}")
        condition = "; and ".join(conditions) or "true"
        for word, told in found:
            text = told.replace("\\\\", "").replace("'", "")
            what = f"-l {word[2:]}" if word.startswith("--") else f"-f -a {word}"
            lines.append(f"complete -c cgrad -n '{condition}' {what} -d '{text}'")
    return "\n".join(lines)
