"""The real variants, played on the shared lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.core.deployment import Deployment, Service
from lab.core.manifest import Manifest
from lab.core.roles import UPSTREAMS, WITH_DATABASE
from lab.runtimes.local import LocalRuntime
from lab.tree import SERVICES
from lab.variants import load_manifests
from tests.ports import free_url

STREAM_MAX_S = 2
VARIANTS = load_manifests([SERVICES])


def remove_all(runtime: LocalRuntime, names: Sequence[str]) -> None:
    """At the same time: a replica that ends waits for its clients a while."""
    with ThreadPoolExecutor(max(1, len(names))) as pool:
        list(pool.map(runtime.remove, names))


@pytest.fixture(scope="session", params=list(VARIANTS))
def variant(request: pytest.FixtureRequest) -> Manifest:
    return VARIANTS[request.param]


@pytest.fixture(scope="session")
def database_url(variant: Manifest, runtime: LocalRuntime) -> str:
    """The variant's tables with the seed; tests add to it."""
    return runtime.database(variant, f"shared_{variant.name}")


@pytest.fixture(scope="session")
def fake_catalog_url() -> str:
    """Where `orders` asks for prices, and nobody answers but while a test serves them."""
    return free_url()


@pytest.fixture(scope="session")
def playing(
    variant: Manifest, runtime: LocalRuntime, database_url: str, fake_catalog_url: str
) -> Iterator[Callable[[str], Service]]:
    """The variant in a role, as one replica, deployed when a test asks for it first."""
    services: dict[str, Service] = {}

    def play(role: str) -> Service:
        if role not in services:
            with_data = role in WITH_DATABASE
            services[role] = runtime.deploy(
                Deployment(
                    f"shared-{variant.name}-{role}",
                    variant,
                    role,
                    database_url=database_url if with_data else "",
                    cache_url=runtime.cache_url() if with_data else "",
                    catalog_url=fake_catalog_url if role in UPSTREAMS else "",
                )
            )
        return services[role]

    yield play
    remove_all(runtime, [service.name for service in services.values()])


@pytest.fixture(scope="session")
def replicas(
    variant: Manifest, runtime: LocalRuntime, database_url: str, playing: Callable[[str], Service]
) -> Iterator[Service]:
    """The variant's orders over its catalog, as two replicas whose streams last two seconds."""
    catalog_url = playing("catalog").url
    name = f"replicas-{variant.name}"
    yield runtime.deploy(
        Deployment(name, variant, "orders", 2, database_url, 4, runtime.cache_url(), catalog_url, STREAM_MAX_S)
    )
    runtime.remove(name)
