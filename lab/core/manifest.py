"""One variant of the shop, as its `service.yaml` says: all that the lab knows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PING_ROLE = "ping"
RECOMMEND_ROLE = "recommend"


@dataclass(frozen=True, slots=True)
class Image:
    """How a container image of the variant is built: absolute paths."""

    context: Path
    dockerfile: Path


@dataclass(frozen=True, slots=True)
class Manifest:
    """`folder` is where the argument lists run; `roles` is empty for a variant that only answers GET /ping.

    `image` is None where none can be built; such a variant runs on no cluster.
    """

    name: str
    title: str
    folder: Path
    roles: tuple[str, ...]
    start: tuple[str, ...]
    migrate: tuple[str, ...]
    versions: tuple[str, ...]
    baselines: Mapping[str, tuple[str, ...]]
    middleware: tuple[str, ...]
    differences: tuple[str, ...]
    outside_contract: tuple[str, ...]
    image: Image | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any], folder: Path) -> Manifest:
        """`document` has passed `services/contract/service.schema.json`."""

        def strings(key: str) -> tuple[str, ...]:
            return tuple(document.get(key, ()))

        image = document.get("image")
        return cls(
            image=Image((folder / image["context"]).resolve(), (folder / image["dockerfile"]).resolve())
            if image
            else None,
            name=document["name"],
            title=document["title"],
            folder=folder,
            roles=strings("roles"),
            start=strings("start"),
            migrate=strings("migrate"),
            versions=strings("versions"),
            baselines={name: tuple(argv) for name, argv in document.get("baselines", {}).items()},
            middleware=strings("middleware"),
            differences=strings("differences"),
            outside_contract=strings("outside_contract"),
        )

    def plays(self, role: str) -> bool:
        return role in self.roles or role == PING_ROLE


def command(argv: Sequence[str], python: str) -> list[str]:
    """The argument list with `{python}` replaced by the interpreter's path."""
    return [part.replace("{python}", python) for part in argv]
