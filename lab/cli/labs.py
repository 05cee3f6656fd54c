"""Opens what a comparison needs, on either kind of runtime: replicas, a load generator and a contract checker."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.cli.choosing import Choice, RuntimeName
from lab.contract.checker import HttpContractChecker
from lab.core.manifest import Manifest, command
from lab.load.generator import WorkerGenerator
from lab.ports import Cluster, ContractChecker, LoadGenerator, Runtime
from lab.runtimes.kubernetes import images, opening
from lab.runtimes.kubernetes.place import KIND_CONFIG, Place, on_kind
from lab.runtimes.local import local_lab
from lab.runtimes.supervision.place import lab_directory

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Lab:
    """`cluster` is the runtime where that is one. `receive` gives the URL for traces, which it keeps in that file.

    `versions_of` is the command that prints a variant's versions, of what is measured; `addresses` are lines that say
    where a person finds what stays. `images` are the references of those built for a cluster, by name.
    """

    runtime: Runtime
    cluster: Cluster | None
    generator: LoadGenerator
    checker: ContractChecker
    fake_catalog_url: Callable[[], str]
    receive: Callable[[Path], str]
    versions_of: Callable[[Manifest], Sequence[str]]
    addresses: Callable[[], Sequence[str]]
    images: Mapping[str, str]


@contextmanager
def open_lab(
    choice: Choice, run: str, variants: Sequence[Manifest], seed: int, workers: int, on_step: OnStep
) -> Iterator[Lab]:
    """What it started is gone when the block is left; a cluster and its platform stay. `workers` share a load there."""
    opened = (
        _local(seed, on_step) if not choice.on_cluster else _on_cluster(choice, run, variants, seed, workers, on_step)
    )
    with opened as lab:
        yield lab


def place_of(choice: Choice) -> Place:
    """Of a cluster."""
    if choice.runtime is RuntimeName.KIND:
        return on_kind(lab_directory(os.environ))
    return Place(
        cluster="",
        config=KIND_CONFIG,
        context=choice.context,
        namespace=choice.namespace,
        kubeconfig=None,
        image_prefix=choice.image_prefix,
        namespaced=choice.namespaced,
    )


def platform_of(choice: Choice) -> opening.Platform:
    return opening.Platform(choice.without, choice.platform)


@contextmanager
def interruptible() -> Iterator[None]:
    """On a cluster, where an interrupted command leaves what the next one goes on with."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Interrupted; the cluster stays: repeat the command, or end it: lab down") from None


@contextmanager
def _local(seed: int, on_step: OnStep) -> Iterator[Lab]:
    with local_lab(on_step) as runtime, WorkerGenerator(runtime.generator_cpus()) as generator:
        runtime.pin_this_process()
        yield Lab(
            runtime=runtime,
            cluster=None,
            generator=generator,
            checker=HttpContractChecker(seed),
            fake_catalog_url=_free_url,
            receive=runtime.receive,
            versions_of=lambda variant: command(variant.versions, sys.executable),
            addresses=lambda: (),
            images={},
        )


@contextmanager
def _on_cluster(
    choice: Choice, run: str, variants: Sequence[Manifest], seed: int, workers: int, on_step: OnStep
) -> Iterator[Lab]:
    place, directory = place_of(choice), lab_directory(os.environ)
    with (
        interruptible(),
        opening.cluster_lab(place, directory, variants, platform_of(choice), on_step) as opened,
        ExitStack() as stack,
    ):
        with ThreadPoolExecutor(2) as pool:  # each waits for a pod of its own
            load = pool.submit(stack.enter_context, opened.generator(run, workers))
            check = pool.submit(stack.enter_context, opened.checker(seed))
        generator, checker = load.result(), check.result()
        yield Lab(
            runtime=opened.runtime,
            cluster=opened.runtime,
            generator=generator,
            checker=checker,
            fake_catalog_url=checker.fake_catalog_url,
            receive=lambda store: opened.otlp_url,
            versions_of=lambda variant: images.command(
                opened.images[variant.name].reference, command(variant.versions, "python")
            ),
            addresses=lambda: opening.addresses(place),
            images={name: image.reference for name, image in opened.images.items()},
        )


def _free_url() -> str:
    """A loopback address that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
