"""`lab images`: build the container images, and say what each takes."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.console import Console

from lab.core.images import is_prefix
from lab.core.stacks import parse_stacks
from lab.errors import InputError
from lab.report.images import images_table
from lab.runtimes.kubernetes import images
from lab.tree import SERVICES
from lab.variants import load_manifests


@click.command("images")
@click.option("--variants", "names", default="", help="Names, separated by commas; all that there are if not given.")
@click.option("--services", "folders", type=click.Path(path_type=Path), multiple=True, help="More folders of variants.")
@click.option(
    "--image-prefix", "prefix", default="", metavar="REGISTRY/PATH", help="Where a registry has, or is to have them."
)
@click.option("--push", is_flag=True, help="Push them there.")
def images_command(names: str, folders: tuple[Path, ...], prefix: str, push: bool) -> None:
    """Build the images of variants, and the lab's own; what has not changed since is not built again.

    Sizes are of unpacked layers: all of an image's, those it has in common with others here, and the last one, which a
    changed line of code makes anew. A registry gets only layers that it does not have, compressed.
    """
    _check(prefix, push)
    manifests = load_manifests((SERVICES, *folders))
    variants = [stack.variants[0] for stack in parse_stacks(names, (), manifests)] or list(manifests.values())
    begun = time.monotonic()

    def step(text: str) -> None:
        click.echo(f"{time.monotonic() - begun:5.1f} s  {text}")

    built = images.build(variants, prefix, step)
    if push:
        images.push(list(built.values()), step)
    Console().print(images_table(built.values()))


def _check(prefix: str, push: bool) -> None:
    problems = []
    if prefix and not is_prefix(prefix):
        problems.append(f"--image-prefix: {prefix} is not like  registry.example.com/team  (lower case, no tag)")
    if push and not prefix:
        problems.append("--push: needs --image-prefix, which says where")
    if problems:
        raise InputError("lab images", problems)
