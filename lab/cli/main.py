"""`lab`: exit code 0 done, 1 void or broken, 2 wrong input, 130 interrupted."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

import click

from lab.errors import InputError, LabError

INTERRUPTED = 130
COMMANDS: Mapping[str, str] = {
    "compare": "lab.cli.compare",
    "contract": "lab.cli.contract",
    "load": "lab.cli.load",
    "up": "lab.cli.runtime",
    "status": "lab.cli.runtime",
    "watch": "lab.cli.watch",
    "traces": "lab.cli.traces",
    "trace": "lab.cli.traces",
    "scale": "lab.cli.runtime",
    "kill": "lab.cli.runtime",
    "logs": "lab.cli.runtime",
    "seed": "lab.cli.runtime",
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
@click.version_option(package_name="framework-lab", prog_name="lab")
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
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; nothing was left running.", err=True)
        return INTERRUPTED


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
