"""A simulated API of Kubernetes, as far as the operator needs one.

It has discovery, lists, watches that go on from a version, writes that a version guards, and finalizers; every change
comes as an event, as from a real one.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

NAMESPACE = "shop"
REMEMBERED = 10_000  # events, from which a watch can go on

AUTOSCALERS, DEPLOYMENTS, PODS = "httpautoscalers", "deployments", "pods"
STATEFUL_SETS, HORIZONTALS = "statefulsets", "horizontalpodautoscalers"
# Plural: group and version, kind.
KINDS = {
    PODS: ("v1", "Pod"),
    "events": ("v1", "Event"),
    "namespaces": ("v1", "Namespace"),
    "customresourcedefinitions": ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    DEPLOYMENTS: ("apps/v1", "Deployment"),
    STATEFUL_SETS: ("apps/v1", "StatefulSet"),
    HORIZONTALS: ("autoscaling/v2", "HorizontalPodAutoscaler"),
    AUTOSCALERS: ("autoscaling.frameworklab.dev/v1alpha1", "HTTPAutoscaler"),
}

Body = dict[str, Any]


@dataclass(eq=False)
class Watch:
    """`lines` end with None."""

    transport: asyncio.BaseTransport
    lines: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)


class Api:
    """Objects by plural and name, and the watches of each plural."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Body]] = {plural: {} for plural in KINDS}
        self._watches: dict[str, set[Watch]] = {plural: set() for plural in KINDS}
        self._events: deque[tuple[int, str, bytes]] = deque(maxlen=REMEMBERED)
        self._version = 1

    def add(self, plural: str, name: str, **body: Any) -> None:
        group_version, kind = KINDS[plural]
        metadata = {"name": name, "namespace": NAMESPACE, "uid": f"{plural}-{name}", **body.get("metadata", {})}
        added = {"apiVersion": group_version, "kind": kind, **body, "metadata": metadata}
        self.objects[plural][name] = added
        self._tell(plural, "ADDED", added)

    def delete(self, plural: str, name: str) -> None:
        """At once, or when its last finalizer is taken away."""
        body = self.objects[plural][name]
        body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self._changed(plural, body)

    def cut(self, plural: str, *, gone: bool) -> None:
        """Ends the watches: what they knew is `gone`, or the connection closes."""
        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        for watch in self._watches[plural]:
            if gone:
                watch.lines.put_nowait(_line("ERROR", status))
                watch.lines.put_nowait(None)
            else:
                watch.transport.close()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**22)
        bases = ("/api/{version}", "/apis/{group}/{version}")
        namespaced = "/namespaces/{namespace}/{plural}"
        app.add_routes(
            [
                web.get("/api", self._versions),
                web.get("/apis", self._groups),
                web.get("/watches", self._watched),
                *(web.get(base, self._kinds) for base in bases),
                *(web.get(base + "/{plural}", self._listed) for base in bases),
                *(web.get(base + namespaced, self._listed) for base in bases),
                *(web.post(base + namespaced, self._posted) for base in bases),
                web.patch(bases[1] + namespaced + "/{name}", self._patched),
                web.patch(bases[1] + namespaced + "/{name}/{part}", self._patched),
            ]
        )
        return app

    async def _versions(self, _: web.Request) -> web.Response:
        return web.json_response({"versions": ["v1"]})

    async def _groups(self, _: web.Request) -> web.Response:
        pairs = {tuple(group_version.split("/")) for group_version, _ in KINDS.values() if "/" in group_version}
        groups = [
            {"name": group, "versions": [{"version": version}], "preferredVersion": {"version": version}}
            for group, version in sorted(pairs)
        ]
        return web.json_response({"groups": groups})

    async def _kinds(self, request: web.Request) -> web.Response:
        group, version = request.match_info.get("group"), request.match_info["version"]
        wanted = f"{group}/{version}" if group else version
        resources = [
            {
                "name": name,
                "kind": kind,
                "singularName": kind.lower(),
                "namespaced": True,
                "verbs": ["get", "list", "watch", "patch", "create"],
            }
            for plural, (group_version, kind) in KINDS.items()
            if group_version == wanted
            for name in (plural, f"{plural}/status", f"{plural}/scale")
        ]
        return web.json_response({"resources": resources})

    async def _watched(self, _: web.Request) -> web.Response:
        return web.json_response({plural: len(watches) for plural, watches in self._watches.items()})

    async def _listed(self, request: web.Request) -> web.StreamResponse:
        plural = request.match_info["plural"]
        if "watch" in request.query:
            return await self._watch(request, plural)
        wanted = [pair.split("=") for pair in request.query.get("labelSelector", "").split(",") if pair]
        items = [
            body
            for body in self.objects[plural].values()
            if all(body["metadata"]["labels"].get(label) == value for label, value in wanted)
        ]
        kind = f"{KINDS[plural][1]}List"
        return web.json_response({"kind": kind, "metadata": {"resourceVersion": str(self._version)}, "items": items})

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        assert request.transport
        answer, watch = web.StreamResponse(), Watch(request.transport)
        await answer.prepare(request)
        since = int(request.query["resourceVersion"])
        for version, of, line in self._events:
            if of == plural and version > since:
                watch.lines.put_nowait(line)
        self._watches[plural].add(watch)
        try:
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                while (next_line := await watch.lines.get()) is not None:
                    await answer.write(next_line)
        except (TimeoutError, ConnectionError):
            pass
        finally:
            self._watches[plural].discard(watch)
        return answer

    async def _posted(self, request: web.Request) -> web.Response:
        return web.json_response(await request.json(), status=201)

    async def _patched(self, request: web.Request) -> web.Response:
        plural, name = request.match_info["plural"], request.match_info["name"]
        change = await request.json()
        body = self.objects[plural].get(name)
        if body is None:
            return _refused(404, f"there is no {name} in {plural}")
        version = body["metadata"]["resourceVersion"]
        if isinstance(change, list):  # a JSON patch: Kopf's, which adds its finalizer, or takes it away
            test, *operations = change
            if test["value"] != version:
                return _refused(422, "somebody changed it first")
            body["metadata"].pop("finalizers", None)
            for one in operations:
                if one["op"] == "add":
                    body["metadata"]["finalizers"] = one["value"]
        else:
            if change.get("metadata", {}).get("resourceVersion", version) != version:
                return _refused(409, "somebody changed it first")
            _merge(body, {name: part for name, part in change.items() if name != "metadata"})
        self._changed(plural, body)
        return web.json_response(body)

    def _changed(self, plural: str, body: Body) -> None:
        metadata = body["metadata"]
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            del self.objects[plural][metadata["name"]]
            self._tell(plural, "DELETED", body)
        else:
            self._tell(plural, "MODIFIED", body)

    def _tell(self, plural: str, what: str, body: Body) -> None:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        line = _line(what, body)
        self._events.append((self._version, plural, line))
        for watch in self._watches[plural]:
            watch.lines.put_nowait(line)


def _line(what: str, body: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": what, "object": body}).encode() + b"\n"


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": status, "message": message}, status=status)


def _merge(body: Body, change: Mapping[str, Any]) -> None:
    for name, value in change.items():
        if isinstance(value, dict) and isinstance(body.get(name), dict):
            _merge(body[name], value)
        else:
            body[name] = value
