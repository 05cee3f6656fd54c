"""`python -m scaler.freeing`: frees the HTTPAutoscalers of an operator that is gone.

Its finalizer has their deletion wait for the operator; once there is none, for ever.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from scaler.cluster import Cluster, ClusterError, ConflictError, NotFoundError, connection
from scaler.handlers import operator_settings
from scaler.resource import GROUP, PLURAL, VERSION

TRIES = 5  # of a resource that others change at the same time

BASE = f"/apis/{GROUP}/{VERSION}"


async def free(cluster: Cluster, finalizer: str, namespaces: Sequence[str]) -> int:
    """All resources of these namespaces, of the whole cluster where none is named; how many had the finalizer.

    Raises ClusterError.
    """
    lists = [f"{BASE}/namespaces/{name}/{PLURAL}" for name in namespaces] or [f"{BASE}/{PLURAL}"]
    held = 0
    for path in lists:
        with contextlib.suppress(NotFoundError):  # where there is no definition there is no resource
            for resource in (await cluster.get(path))["items"]:
                held += finalizer in _finalizers(resource)
                await _free(cluster, finalizer, resource)
    return held


async def _free(cluster: Cluster, finalizer: str, resource: Mapping[str, Any]) -> None:
    metadata = resource["metadata"]
    path = f"{BASE}/namespaces/{metadata['namespace']}/{PLURAL}/{metadata['name']}"
    with contextlib.suppress(NotFoundError):
        for _ in range(TRIES):
            others = [one for one in _finalizers(resource) if one != finalizer]
            if others == _finalizers(resource):
                return
            change = {"resourceVersion": resource["metadata"]["resourceVersion"], "finalizers": others}
            with contextlib.suppress(ConflictError):
                await cluster.patch(path, {"metadata": change})
                return
            resource = await cluster.get(path)
        raise ClusterError(f"{path}: others change it at the same time; try again")


def _finalizers(resource: Mapping[str, Any]) -> list[str]:
    return list(resource["metadata"].get("finalizers", ()))


async def _run(namespaces: Sequence[str]) -> int:
    settings = operator_settings()
    cluster = Cluster(partial(connection, settings), lambda method, status: None)
    try:
        return await free(cluster, settings.persistence.finalizer, namespaces)
    finally:
        await cluster.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scaler.freeing", description="Frees the HTTPAutoscalers of an operator that is gone."
    )
    parser.add_argument("--namespace", action="append", default=[], help="of this namespace only; may be given again")
    try:
        held = asyncio.run(_run(parser.parse_args().namespace))
    except ClusterError as error:
        raise SystemExit(str(error)) from None
    print(f"HTTPAutoscalers freed: {held}")  # noqa: T201 - what its log says


if __name__ == "__main__":
    main()
