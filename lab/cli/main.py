"""`lab`: exit code 0 done, 1 void or broken, 2 wrong input, 130 interrupted."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

import click
from shop import __version__

from lab.errors import InputError, LabError

INTERRUPTED = 130
COMMANDS: Mapping[str, str] = {
    "compare": "lab.cli.compare",
    "contract": "lab.cli.contract",
    "load": "lab.cli.load",
    "up": "lab.cli.up",
    "status": "lab.cli.runtime",
    "watch": "lab.cli.watch",
    "explain": "lab.cli.explain",
    "traces": "lab.cli.traces",
    "trace": "lab.cli.traces",
    "scale": "lab.cli.runtime",
    "kill": "lab.cli.runtime",
    "logs": "lab.cli.runtime",
    "seed": "lab.cli.runtime",
    "images": "lab.cli.images",
    "down": "lab.cli.runtime",
}


class _Commands(click.Group):
    """Imports a command when it is asked for: some need libraries that take a second to import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name]), f"{cmd_name}_command")
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lab")
def lab() -> None:
    """What a web framework costs and gives once it runs as a service."""


def main() -> NoReturn:
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one command."""
    try:
        return int(lab.main(arguments, prog_name="lab", standalone_mode=False) or 0)
    except InputError as error:
        click.echo(str(error), err=True)
        return 2
    except LabError as error:
        click.echo(str(error), err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as interruption:
        told = str(interruption) or str(interruption.__cause__ or "")  # click hides what was raised behind its own
        click.echo(told or "Interrupted; nothing was left running.", err=True)
        return INTERRUPTED


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
