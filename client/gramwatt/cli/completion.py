"""``gramwatt completion SHELL``: completion scripts for bash, zsh and fish, made from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, Callable

Parser = argparse.ArgumentParser


def add_parser(commands: Any, whole: Callable[[], Parser]) -> None:
    """Register the subcommand; ``whole`` builds the complete parser the script is made from."""
    parser = commands.add_parser(
        "completion",
        help="print a completion script for your shell",
        epilog='bash: eval "$(gramwatt completion bash)"   zsh: the same with zsh   '
        "fish: gramwatt completion fish > ~/.config/fish/completions/gramwatt.fish",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell to complete in")
    parser.set_defaults(run=lambda args: main(args, whole()))


def main(args: argparse.Namespace, parser: Parser) -> int:
    """Print the script."""
    print({"bash": bash, "zsh": zsh, "fish": fish}[args.shell](parser), end="")
    return 0


def bash(parser: Parser) -> str:
    """A bash function over ``compgen``. After ``--`` the command itself is completed as usual."""
    cases = "\n".join(
        f'    {name}) words="{" ".join(_options(sub))}" ;;' for name, sub in _subcommands(parser)
    )
    choices = "\n".join(
        f"    {'|'.join(action.option_strings)})"
        f' COMPREPLY=($(compgen -W "{_choices(action)}" -- "$cur")); return ;;'
        for action in _with_choices(parser)
    )
    return f"""_gramwatt() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" word i sub="" words=""
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${{COMP_WORDS[i]}}"
    if [[ "$word" == "--" ]]; then
      compopt -o default
      COMPREPLY=($(compgen -c -f -- "$cur"))
      return
    fi
    case "$word" in --socket) i=$((i + 1)) ;; -*) ;; *) [[ -z "$sub" ]] && sub="$word" ;; esac
  done
  case "$prev" in
{choices}
    --socket|--summary-json|--emissions-csv) compopt -o default; return ;;
  esac
  case "$sub" in
    "") words="{" ".join([*_options(parser), *(name for name, _ in _subcommands(parser))])}" ;;
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -F _gramwatt gramwatt
"""


def zsh(parser: Parser) -> str:
    """The bash function through zsh's own adapter."""
    return "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n" + bash(parser)


def fish(parser: Parser) -> str:
    """One ``complete`` line per subcommand and option."""
    names = " ".join(name for name, _ in _subcommands(parser))
    first = f"complete -c gramwatt -f -n 'not __fish_seen_subcommand_from {names}'"
    lines = [f"{first} -a {name} -d {_quoted(_help(parser, name))}" for name, _ in _subcommands(parser)]
    for name, sub in _subcommands(parser):
        for action in sub._actions:
            for option in action.option_strings:
                if option.startswith("--"):
                    choices = f" -x -a {_quoted(_choices(action))}" if action.choices else ""
                    lines.append(
                        f"complete -c gramwatt -n '__fish_seen_subcommand_from {name}' -l {option[2:]}{choices}"
                        f" -d {_quoted(action.help or '')}"
                    )
    return "\n".join(lines) + "\n"


def _subcommands(parser: Parser) -> list[tuple[str, Parser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return list(action.choices.items())
    return []


def _help(parser: Parser, name: str) -> str:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                if choice.dest == name:
                    return choice.help or ""
    return ""


def _options(parser: Parser) -> list[str]:
    options = [
        option for action in parser._actions for option in action.option_strings if option.startswith("--")
    ]
    positional = [str(choice) for action in parser._actions
                  if not action.option_strings and action.choices and not isinstance(action, argparse._SubParsersAction)
                  for choice in action.choices]  # fmt: skip
    return options + positional


def _choices(action: argparse.Action) -> str:
    return " ".join(str(choice) for choice in action.choices or ())


def _with_choices(parser: Parser) -> Iterator[argparse.Action]:
    seen = set()
    for _, sub in _subcommands(parser):
        for action in sub._actions:
            if action.option_strings and action.choices and action.option_strings[0] not in seen:
                seen.add(action.option_strings[0])
                yield action


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
