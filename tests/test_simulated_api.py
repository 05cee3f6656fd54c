"""The simulated API by which the operator is measured: what a real API promises those who watch it and write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from benchmarks.api import DEPLOYMENTS, Api

PATH = "/apis/apps/v1/deployments"
ONE = "/apis/apps/v1/namespaces/shop/deployments/one"
WAIT_S = 10.0

Client = TestClient[Any, Any]


def asked(work: Callable[[Api, Client], Awaitable[None]]) -> None:
    """`work` with an API that has one Deployment, at version 2."""

    async def with_client() -> None:
        api = Api()
        api.add(DEPLOYMENTS, "one", spec={"replicas": 1})
        async with TestClient(TestServer(api.app())) as client, asyncio.timeout(WAIT_S):
            await work(api, client)

    asyncio.run(with_client())


def watch(client: Client, since: int) -> Awaitable[ClientResponse]:
    return client.get(PATH, params={"watch": "true", "resourceVersion": str(since), "timeoutSeconds": "60"})


async def event(answer: ClientResponse) -> tuple[str, Any]:
    told = json.loads(await answer.content.readline())
    return told["type"], told["object"]


def test_a_watch_goes_on_from_a_version() -> None:
    async def work(api: Api, client: Client) -> None:
        listed = await (await client.get(PATH)).json()
        assert [one["metadata"]["name"] for one in listed["items"]] == ["one"]
        api.add(DEPLOYMENTS, "two", spec={})
        async with await watch(client, int(listed["metadata"]["resourceVersion"])) as answer:
            kind, body = await event(answer)
            assert (kind, body["metadata"]["name"]) == ("ADDED", "two")
            api.delete(DEPLOYMENTS, "one")
            kind, body = await event(answer)
            assert (kind, body["metadata"]["name"]) == ("DELETED", "one")

    asked(work)


def test_a_watch_is_cut_because_its_version_is_gone() -> None:
    async def work(api: Api, client: Client) -> None:
        async with await watch(client, 2) as answer:
            api.cut(DEPLOYMENTS, gone=True)
            kind, status = await event(answer)
            assert (kind, status["code"]) == ("ERROR", 410)
            assert await answer.content.read() == b""
        assert (await (await client.get("/watches")).json())[DEPLOYMENTS] == 0

    asked(work)


def test_a_watch_is_cut_by_its_connection() -> None:
    async def work(api: Api, client: Client) -> None:
        async with await watch(client, 2) as answer:
            assert (await (await client.get("/watches")).json())[DEPLOYMENTS] == 1
            api.cut(DEPLOYMENTS, gone=False)
            with pytest.raises(ClientPayloadError):
                await answer.content.read()

    asked(work)


def test_a_write_is_guarded_by_the_version_it_names() -> None:
    async def work(api: Api, client: Client) -> None:
        for version, status in (("1", 409), ("2", 200), ("2", 409), ("3", 200)):
            change = {"metadata": {"resourceVersion": version}, "spec": {"replicas": 2}}
            assert (await client.patch(f"{ONE}/scale", json=change)).status == status, version
        assert (await client.patch(f"{ONE}-gone/scale", json={})).status == 404

    asked(work)


def test_a_deletion_waits_for_the_finalizer() -> None:
    async def work(api: Api, client: Client) -> None:
        def finalizer(version: str, operation: str) -> list[dict[str, Any]]:
            test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
            return [test, {"op": operation, "path": "/metadata/finalizers", "value": ["operator"]}]

        assert (await client.patch(ONE, json=finalizer("1", "add"))).status == 422
        assert (await client.patch(ONE, json=finalizer("2", "add"))).status == 200
        api.delete(DEPLOYMENTS, "one")
        assert "deletionTimestamp" in api.objects[DEPLOYMENTS]["one"]["metadata"]
        assert (await client.patch(ONE, json=finalizer("4", "remove"))).status == 200
        assert api.objects[DEPLOYMENTS] == {}

    asked(work)
