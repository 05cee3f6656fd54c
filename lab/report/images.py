"""Container images as a table: what each takes, and what of it is anew when its code changes."""

from __future__ import annotations

from collections.abc import Collection

from rich import box
from rich.table import Table

from lab.core.images import Built

MIB = 2**20


def images_table(images: Collection[Built]) -> Table:
    """MiB of unpacked layers."""
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True)
    table.add_column("image", overflow="fold")
    for heading in ("size\nMiB", "shared\nMiB", "last layer\nMiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for image in images:
        table.add_row(
            image.reference,
            f"{image.size_bytes / MIB:.0f}",
            f"{image.shared_bytes(images) / MIB:.0f}",
            f"{image.last_layer_bytes / MIB:.1f}",
        )
    return table
