"""What container images are called, what they take, and what of them others have already. Pure.

Sizes are bytes of unpacked layers, as on a node's disk; a registry keeps and sends them compressed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

LAB = "lab"  # all of ours that runs inside a cluster but the operator
OPERATOR = "operator"
DEFAULT_PREFIX = "framework-lab"
LATEST = "latest"  # of the builds on this machine; nothing refers to it
TAG_DIGITS = 12

_DEFAULT_REGISTRY = "docker.io"
_PINNED_TAG = re.compile(rf"[0-9a-f]{{{TAG_DIGITS}}}")
_PREFIX = re.compile(r"([a-z0-9.-]+(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*")
_COMMENTED = re.compile(r"/bin/sh -c #\(nop\)\s+")  # how builders before BuildKit note all but RUN
_WITHOUT_LAYER = re.compile(
    r"(ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b"
)


@dataclass(frozen=True, slots=True)
class Layer:
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Built:
    """An image that Docker has. `layers` begin with those of the image that it is made from."""

    name: str
    reference: str
    layers: tuple[Layer, ...]

    @property
    def size_bytes(self) -> int:
        return sum(layer.size_bytes for layer in self.layers)

    @property
    def last_layer_bytes(self) -> int:
        """Where the code comes last: what a changed line of it makes anew."""
        return next((layer.size_bytes for layer in reversed(self.layers) if layer.size_bytes), 0)

    def shared_bytes(self, images: Iterable[Built]) -> int:
        """What it has in common with any other of `images`."""
        others = {layer.digest for image in images if image.name != self.name for layer in image.layers}
        return sum(layer.size_bytes for layer in self.layers if layer.digest in others)


def repository(prefix: str, name: str) -> str:
    return f"{prefix or DEFAULT_PREFIX}/{name}"


def pinned(repository: str, image_id: str) -> str:
    """Its reference, which changes with what is in it: tagged by its id."""
    return f"{repository}:{image_id.removeprefix('sha256:')[:TAG_DIGITS]}"


def is_prefix(text: str) -> bool:
    return _PREFIX.fullmatch(text) is not None


def layers(image_id: str, digests: Sequence[str], steps: Sequence[tuple[str, int]]) -> tuple[Layer, ...]:
    """`steps` are all that the image was made by, the first one first: instruction, and bytes that it added.

    Which steps made the layers is known by their instructions. Where that does not come out even, it is one layer.
    """
    sizes = [size for instruction, size in steps if size or not _leaves_no_layer(instruction)]
    if len(sizes) != len(digests):
        return (Layer(image_id, sum(sizes)),)
    return tuple(Layer(digest, size) for digest, size in zip(digests, sizes, strict=True))


def full_name(reference: str) -> str:
    """As a node lists it: with registry, and `library` for images of nobody's."""
    host, slash, _ = reference.partition("/")
    if slash and (host == "localhost" or "." in host or ":" in host):
        return reference
    return f"{_DEFAULT_REGISTRY}/{reference}" if slash else f"{_DEFAULT_REGISTRY}/library/{reference}"


def absent(references: Iterable[str], on_nodes: Sequence[Collection[str]]) -> list[str]:
    """Those that at least one of the nodes, each with what it lists, does not have."""
    return [one for one in references if not all(full_name(one) in node for node in on_nodes)]


def outdated(references: Iterable[str], current: Iterable[str]) -> list[str]:
    """Those of the same repositories as `current` that are tagged by another id; any other tag is somebody else's."""
    kept = set(current)
    ours = {reference.rpartition(":")[0] for reference in kept}
    return [
        reference
        for reference in references
        if reference not in kept
        and reference.rpartition(":")[0] in ours
        and _PINNED_TAG.fullmatch(reference.rpartition(":")[2])
    ]


def copied(dockerfile: str) -> tuple[str, ...]:
    """The paths that it takes from its context; all of that where they are not plain to see."""
    copies = [line.split()[1:] for line in dockerfile.splitlines() if line.startswith(("COPY ", "ADD "))]
    own = [words for words in copies if not words[0].startswith("--from=")]
    if any(words[0].startswith(("--", "[")) or words[-1] == "\\" for words in own):
        return (".",)
    return tuple(path for words in own for path in words[:-1])


def _leaves_no_layer(instruction: str) -> bool:
    return _WITHOUT_LAYER.match(_COMMENTED.sub("", instruction)) is not None
