"""Container images of variants and of the lab: built and kept by Docker, brought into a kind cluster or a registry.

BuildKit knows what has changed since the last build. An image is referred to by a tag made of its id, so a reference
changes with what is in it, and a node or registry that has the reference has the image.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shop import __version__

from lab.core.images import (
    LAB,
    LATEST,
    OPERATOR,
    Built,
    absent,
    copied,
    full_name,
    layers,
    outdated,
    pinned,
    repository,
)
from lab.core.manifest import Image, Manifest
from lab.errors import CommandFailed, InputError, RuntimeFailure
from lab.runtimes.kubernetes.kubectl import run
from lab.tree import ROOT

OURS = {LAB: Image(ROOT, ROOT / "lab" / "Dockerfile"), OPERATOR: Image(ROOT, ROOT / "operator" / "Dockerfile")}
TRANSFER_TIMEOUT_S = 1800.0
PUSHES_AT_ONCE = 4
LABEL = "org.opencontainers.image"

OnStep = Callable[[str], None]


def build(variants: Sequence[Manifest], prefix: str, on_step: OnStep) -> dict[str, Built]:
    """By name: the images of `variants` and the lab's own; those that they replace are removed from Docker.

    `prefix` is where a registry has them, or empty. Raises InputError for variants that no image can be built of.
    """
    images = {**_images(variants), **OURS}
    _require_docker()
    repositories = {name: repository(prefix, name) for name in images}
    before = set(_references())
    on_step(f"building images: {', '.join(images)}")
    _build({repositories[name]: image for name, image in images.items()}, labelled=bool(prefix))
    built = {name: _tagged(name, repositories[name]) for name in images}
    current = [image.reference for image in built.values()]
    new = [reference for reference in current if reference not in before]
    on_step(f"images built: {', '.join(new)}" if new else "images: unchanged")
    for reference in outdated(before, current):
        _remove(reference, on_step)
    return built


def load(cluster: str, references: Sequence[str], on_step: OnStep) -> list[str]:
    """Brings into the kind cluster what its nodes don't have yet; returns that. What Docker hasn't, they pull."""
    nodes = run(["kind", "get", "nodes", "--name", cluster]).split()
    if not nodes:
        raise RuntimeFailure(f"there is no kind cluster {cluster}")
    listing = ["ctr", "--namespace=k8s.io", "images", "ls", "--quiet"]
    wanted = absent(references, [run(["docker", "exec", node, *listing]).split() for node in nodes])
    here = {full_name(reference) for reference in _references()}
    loaded = [reference for reference in wanted if full_name(reference) in here]
    if loaded:
        on_step(f"loading into {cluster}: {', '.join(loaded)}")
        run(["kind", "load", "docker-image", "--name", cluster, *loaded], timeout_s=TRANSFER_TIMEOUT_S)
    return loaded


def push(images: Sequence[Built], on_step: OnStep) -> None:
    """To the registry that their references name."""

    def pushed(image: Built) -> None:
        run(["docker", "push", "--quiet", image.reference], timeout_s=TRANSFER_TIMEOUT_S)
        on_step(f"{image.reference}: pushed")

    with ThreadPoolExecutor(PUSHES_AT_ONCE) as pool:
        list(pool.map(pushed, images))


def command(reference: str, argv: Sequence[str]) -> list[str]:
    """Runs `argv` in an image that Docker has, with no network."""
    first, *rest = argv
    return ["docker", "run", "--rm", "--network=none", f"--entrypoint={first}", reference, *rest]


def _images(variants: Sequence[Manifest]) -> dict[str, Image]:
    problems = []
    found = {}
    for variant in variants:
        where = variant.folder / "service.yaml"
        if variant.name in OURS:
            problems.append(f"{where}: name: {variant.name} is what an image of the lab is called")
        elif variant.image is None:
            problems.append(f"{where}: image: missing; for example  image: {{context: ., dockerfile: Dockerfile}}")
        elif not variant.image.dockerfile.is_file():
            problems.append(f"{where}: image: dockerfile: {variant.image.dockerfile} is not a file")
        else:
            found[variant.name] = variant.image
    if problems:
        raise InputError("what images are built of", problems)
    return found


def _require_docker() -> None:
    try:
        run(["docker", "version", "--format={{.Server.Version}}"])
    except CommandFailed as error:
        raise RuntimeFailure(
            f"images are built by Docker, which does not answer: start it, and try again\n{error}"
        ) from None


def _build(images: Mapping[str, Image], *, labelled: bool) -> None:
    """All at once, by repository. In this session: Ctrl-C ends them too."""
    with tempfile.TemporaryDirectory() as folder:
        builds = []
        try:
            for number, (name, image) in enumerate(images.items()):
                argv, log = _argv(name, image, labelled=labelled), Path(folder) / str(number)
                with log.open("wb") as output:
                    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
                builds.append((argv, log, process))
            for argv, log, process in builds:
                if process.wait():
                    raise CommandFailed(argv, process.returncode, log.read_text(errors="replace"))
        finally:
            for _, _, process in builds:
                process.terminate()
                process.wait()


def _argv(name: str, image: Image, *, labelled: bool) -> list[str]:
    """Without the record of how it was built: that has the time in it, so nothing would ever be unchanged."""
    labels = {f"{LABEL}.version": __version__} if image.context == ROOT else {}
    if labelled and (revision := _revision(image)):
        labels[f"{LABEL}.revision"] = revision
    return [
        *("docker", "build", "--progress=plain", "--load", "--provenance=false"),
        *(f"--label={key}={value}" for key, value in labels.items()),
        *("--tag", f"{name}:{LATEST}"),
        *("--file", str(image.dockerfile), str(image.context)),
    ]


def _revision(image: Image) -> str:
    """The last commit that changed what it is built of; empty if that is in no commit."""
    paths = [*copied(image.dockerfile.read_text(encoding="utf-8")), str(image.dockerfile)]
    git = ["git", "-C", str(image.context)]
    try:
        changed = run([*git, "status", "--porcelain", "--", *paths])
        return "" if changed else run([*git, "log", "-1", "--format=%H", "--", *paths]).strip()
    except RuntimeFailure:
        return ""


def _tagged(name: str, repository: str) -> Built:
    latest = f"{repository}:{LATEST}"
    (image,) = json.loads(run(["docker", "image", "inspect", latest]))
    history = run(["docker", "history", "--no-trunc", "--human=false", "--format={{json .}}", latest])
    steps = [(step["CreatedBy"], int(step["Size"])) for step in map(json.loads, reversed(history.splitlines()))]
    reference = pinned(repository, image["Id"])
    run(["docker", "tag", latest, reference])
    return Built(name, reference, layers(image["Id"], image["RootFS"]["Layers"], steps))


def _references() -> list[str]:
    return run(["docker", "image", "ls", "--format={{.Repository}}:{{.Tag}}"]).split()


def _remove(reference: str, on_step: OnStep) -> None:
    try:
        run(["docker", "image", "rm", reference])
    except CommandFailed:
        on_step(f"{reference}: outdated, but a container of it is left; not removed")
