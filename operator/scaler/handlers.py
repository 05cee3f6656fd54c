"""The operator's handlers: indexes of what is watched, and a daemon of each resource that ticks.

Daemons rather than timers: where a daemon ends, as its resource is deleted or another operator takes over, is seen
here, so that health can tell who is late from who has ended.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import kopf

from scaler.cluster import Cluster, ClusterError, NotFoundError
from scaler.resource import GROUP, PLURAL, VERSION
from scaler.targets import (
    Claim,
    Pod,
    PodKey,
    Scale,
    TargetKey,
    horizontal,
    own_claim,
    pod,
    pod_keys,
    target_key,
    workload,
)
from scaler.ticking import Indexes, Memory, Ticker

INTERVAL_S = 5.0
PEERING = "framework-lab"
PEER_LIFETIME_S = 15  # a killed operator's: as long nobody else takes over
KIND_OF = {"deployments": "Deployment", "statefulsets": "StatefulSet"}

_log = logging.getLogger("scaler")


def operator_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = f"{GROUP}/operator"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    settings.posting.loggers = False
    settings.posting.reporting_component = "framework-lab-operator"
    settings.posting.reporting_instance = os.environ.get("POD_ID", "operator")
    settings.posting.event_name_prefix = "httpautoscaler-"
    settings.peering.lifetime = PEER_LIFETIME_S
    settings.scanning.disabled = True  # who waits for what must be there needs no right to watch CRDs and namespaces
    settings.watching.connect_timeout = 5
    settings.watching.server_timeout = 300
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 60
    settings.networking.error_backoffs = (1, 1, 2, 3, *[5] * 60)  # an API that is away for minutes ends no watch
    settings.background.instant_exit_timeout = 10  # a daemon ends with its tick, without an annotation to wait for it
    return settings


def operator_registry(
    connect: Callable[[], kopf.ConnectionInfo],
    cluster: Cluster,
    ticker: Ticker,
    namespaces: Sequence[str],
    *,
    peering: bool,
    interval_s: float = INTERVAL_S,
) -> kopf.OperatorRegistry:
    """No `namespaces` are all. With `peering`, the object that operators meet in is made where it is not there."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(id="login", registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return connect()

    @kopf.on.startup(id="wait", registry=registry)
    async def wait(**_: Any) -> None:
        while True:
            try:
                for namespace in namespaces or [""]:
                    await cluster.get(_place(f"/apis/{GROUP}/{VERSION}", namespace, PLURAL), limit="1")
                    if peering:
                        await _met(cluster, namespace)
                return
            except ClusterError as error:
                _log.warning("Waits for what the chart installs: %s", error)
            await asyncio.sleep(interval_s)

    @kopf.index("", "v1", "pods", id="pods", registry=registry)
    def pods(body: kopf.Body, namespace: str | None, **_: Any) -> dict[PodKey, Pod]:
        found = pod(body)
        return dict.fromkeys(pod_keys(namespace or "", found), found) if found else {}

    @kopf.index("apps", "v1", "deployments", id="scales", registry=registry)
    @kopf.index("apps", "v1", "statefulsets", id="scales", registry=registry)
    def scales(
        body: kopf.Body, namespace: str | None, name: str | None, resource: kopf.Resource, **_: Any
    ) -> dict[TargetKey, Scale]:
        return {(namespace or "", "apps", KIND_OF[resource.plural], name or ""): workload(body)}

    @kopf.index("autoscaling", "v2", "horizontalpodautoscalers", id="claims", registry=registry)
    def horizontals(body: kopf.Body, namespace: str | None, **_: Any) -> dict[TargetKey, Claim]:
        return {target_key(namespace or "", body["spec"]["scaleTargetRef"]): horizontal(body)}

    @kopf.index(GROUP, VERSION, PLURAL, id="claims", registry=registry)
    def owns(body: kopf.Body, namespace: str | None, **_: Any) -> dict[TargetKey, Claim]:
        return {target_key(namespace or "", body["spec"]["scaleTargetRef"]): own_claim(body)}

    def spread(**_: Any) -> float:
        return random.uniform(0, interval_s)  # noqa: S311

    @kopf.daemon(GROUP, VERSION, PLURAL, id="autoscale", initial_delay=spread, backoff=interval_s, registry=registry)
    async def autoscale(
        body: kopf.Body,
        namespace: str | None,
        name: str,
        stopped: kopf.DaemonStopped,
        logger: kopf.Logger,
        **indices: Any,
    ) -> None:
        memory = Memory()  # not Kopf's memo: while another operator was at work, what was known here grew old
        indexes = Indexes(indices["pods"], indices["scales"], indices["claims"])
        tick = partial(ticker.tick, body, memory, indexes, partial(_event, body), logger)
        await _repeat(tick, interval_s, stopped, ticker, namespace or "", name)

    return registry


async def _repeat(
    tick: Callable[[], Awaitable[None]],
    interval_s: float,
    stopped: kopf.DaemonStopped,
    ticker: Ticker,
    namespace: str,
    name: str,
) -> None:
    """On a grid of `interval_s`, whatever a tick takes; one that takes longer leaves out those it ran over."""
    metrics, clock = ticker.metrics, ticker.clock
    metrics.begun(namespace, name)
    due = clock()
    try:
        while not stopped:
            begun = clock()
            await tick()
            metrics.ticked(namespace, name, begun - due, clock() - begun)
            due += interval_s * max(1, math.ceil((clock() - due) / interval_s))
            await stopped.wait(due - clock())
    finally:
        metrics.ended(namespace, name)


def _event(body: kopf.Body, kind: str, reason: str, message: str) -> None:
    kopf.event(body, type=kind, reason=reason, message=message)


def _place(api: str, namespace: str, plural: str) -> str:
    return f"{api}/namespaces/{namespace}/{plural}" if namespace else f"{api}/{plural}"


async def _met(cluster: Cluster, namespace: str) -> None:
    """Made here since a chart can't have an object of a kind that it defines itself."""
    kind = "KopfPeering" if namespace else "ClusterKopfPeering"
    path = _place("/apis/kopf.dev/v1", namespace, f"{kind.lower()}s")
    try:
        await cluster.get(f"{path}/{PEERING}")
    except NotFoundError:
        await cluster.post(path, {"apiVersion": "kopf.dev/v1", "kind": kind, "metadata": {"name": PEERING}})
