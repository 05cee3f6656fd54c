"""`lab`: exit code 0 done, 1 void or broken, 2 wrong input, 130 interrupted."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

import click

from lab.cli.compare import compare_command
from lab.cli.contract import contract_command
from lab.cli.load import load_command
from lab.cli.runtime import down_command, logs_command, scale_command, seed_command, status_command, up_command
from lab.errors import InputError, LabError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="framework-lab", prog_name="lab")
def lab() -> None:
    """What a web framework costs and gives once it runs as a service."""


for _command in (
    compare_command,
    contract_command,
    load_command,
    up_command,
    status_command,
    scale_command,
    logs_command,
    seed_command,
    down_command,
):
    lab.add_command(_command)


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
