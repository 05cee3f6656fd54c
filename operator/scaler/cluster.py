"""The API of a cluster, as far as a decision is read from it and written to it.

Kopf's own client is not public, and its writes are retried for minutes, though a scale that is late is wrong; and an
error in a status that Kopf patches ends the timer that wrote it. So each request here is tried once, and the next tick
is the next try.

ClusterError: a request failed
├── NotFoundError: there is no such object, or no such kind
└── ConflictError: somebody changed the object first
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import kopf

TIMEOUT_S = 2.0
TYPES = {"GET": {}, "POST": {}, "PATCH": {"Content-Type": "application/merge-patch+json"}}
UNAUTHORIZED, NOT_FOUND, CONFLICT = 401, 404, 409


class ClusterError(Exception):
    """Names the request and what the API, or the way to it, answered."""


class NotFoundError(ClusterError):
    pass


class ConflictError(ClusterError):
    pass


def connection(settings: kopf.OperatorSettings) -> kopf.ConnectionInfo:
    """By the pod's service account, or else by KUBECONFIG; kopf.LoginError where there is neither."""
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    if found is None:
        raise kopf.LoginError("neither a service account nor a kubeconfig; give one by KUBECONFIG")
    return found


@dataclass(slots=True)
class _Connection:
    """By one set of credentials; `users` are the requests under way."""

    server: str
    session: aiohttp.ClientSession
    users: int = 0


class Cluster:
    """`connect` is asked anew whenever the API no longer takes the credentials: tokens in pods last an hour.

    `count(method, status)` is told of each request; the status is empty where none came.
    """

    def __init__(self, connect: Callable[[], kopf.ConnectionInfo], count: Callable[[str, str], None]) -> None:
        self._connect = connect
        self._count = count
        self._connection: _Connection | None = None
        self._scales: dict[tuple[str, str], str] = {}

    async def close(self) -> None:
        if self._connection:
            await self._connection.session.close()
        self._connection = None

    async def get(self, path: str, **query: str) -> Any:
        return await self._request("GET", path, query, None)

    async def patch(self, path: str, change: Mapping[str, Any]) -> Any:
        """A merge patch: what `change` doesn't name stays, lists are replaced."""
        return await self._request("PATCH", path, {}, change)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._request("POST", path, {}, body)

    async def scale_path(self, namespace: str, api_version: str, kind: str, name: str) -> str:
        """Where a target's scale is; NotFoundError for a kind that is not there, or has none."""
        base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        plural = self._scales.get((api_version, kind))
        if plural is None:
            plural = self._scales[api_version, kind] = await self._plural(base, api_version, kind)
        return f"{base}/namespaces/{namespace}/{plural}/{name}/scale"

    async def _plural(self, base: str, api_version: str, kind: str) -> str:
        resources = (await self.get(base))["resources"]
        plural: str | None = next(
            (one["name"] for one in resources if one["kind"] == kind and "/" not in one["name"]), None
        )
        if plural is None:
            raise NotFoundError(f"the API has no kind {kind} in {api_version}")
        if not any(one["name"] == f"{plural}/scale" for one in resources):
            raise NotFoundError(f"{kind} in {api_version} can't be scaled; it has no scale subresource")
        return plural

    async def _request(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        for last in (False, True):
            status = ""
            try:
                async with (
                    self._connected() as connection,
                    connection.session.request(
                        method, connection.server + path, params=query, json=body, headers=TYPES[method]
                    ) as answer,
                ):
                    status = str(answer.status)
                    if answer.status == UNAUTHORIZED and not last:
                        self._refused(connection)
                        continue
                    return await _content(method, path, answer)
            except (aiohttp.ClientError, OSError, ValueError, kopf.LoginError) as error:
                raise ClusterError(f"{method} {path}: {str(error) or 'no answer in time'}") from error
            finally:
                self._count(method, status)
        raise AssertionError("the second answer is returned or raised")

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        """One that was refused meanwhile is closed by the last request that it carries."""
        connection = self._connection = self._connection or self._made()
        connection.users += 1
        try:
            yield connection
        finally:
            connection.users -= 1
            if connection is not self._connection and not connection.users:
                await connection.session.close()

    def _refused(self, connection: _Connection) -> None:
        """Of many requests that are refused at once the first one sees to it that there is another connection."""
        if self._connection is connection:
            self._connection = None

    def _made(self) -> _Connection:
        info = self._connect()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=info.as_ssl_context(), limit=50),
            headers=info.as_http_headers(),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        )
        return _Connection((info.server or "").rstrip("/"), session)


async def _content(method: str, path: str, answer: aiohttp.ClientResponse) -> Any:
    if answer.ok:
        try:
            return await answer.json()
        except ValueError as error:
            raise ClusterError(f"{method} {path}: {answer.status}, and its body is no JSON: {error}") from error
    said: Any = {}
    with contextlib.suppress(aiohttp.ClientError, ValueError):
        said = await answer.json()
    message = said.get("message") if isinstance(said, dict) else None
    kind = {NOT_FOUND: NotFoundError, CONFLICT: ConflictError}.get(answer.status, ClusterError)
    raise kind(f"{method} {path}: {answer.status} {message or answer.reason}")
