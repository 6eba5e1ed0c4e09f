"""IPython magics: ``%gramwatt`` measures a line, ``%%gramwatt`` a cell.

::

    %load_ext gramwatt
    %gramwatt inference model.predict(x)

    %%gramwatt training --name mnist --model mlp
    model.fit(x, y)

The last result is ``_gramwatt``.
"""

from __future__ import annotations

import argparse
import shlex
from typing import Any, NoReturn

from .api import PHASES
from .recording import Window
from .wording import block

RESULT = "_gramwatt"
"""Name of the variable that holds the last result."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; write for example %%gramwatt training --name mnist")


def load(shell: Any) -> None:
    """Register the magics with an IPython shell."""

    def gramwatt(line: str, cell: Any = None) -> None:
        if cell is None:
            phase, _, code = line.strip().partition(" ")
            window = Window("line", phase)
        else:
            arguments, code = _arguments(line), cell
            window = Window(
                arguments.name, arguments.phase, model=arguments.model, task=arguments.task,
                dataset=arguments.dataset, fallback=arguments.fallback,
            )  # fmt: skip
        with window:
            outcome = shell.run_cell(code)
            window.stop(outcome.error_before_exec or outcome.error_in_exec)
        shell.push({RESULT: window.result})
        print(block(window.result))
        outcome.raise_error()

    shell.register_magic_function(gramwatt, magic_kind="line_cell", magic_name="gramwatt")


def _arguments(line: str) -> argparse.Namespace:
    parser = _Parser(prog="%%gramwatt", add_help=False)
    parser.add_argument("phase", choices=PHASES)
    parser.add_argument("--name", default="cell")
    parser.add_argument("--model", default="")
    parser.add_argument("--task", default="")
    parser.add_argument("--dataset", default="")
    parser.add_argument("--fallback", action="store_true")
    return parser.parse_args(shlex.split(line))
