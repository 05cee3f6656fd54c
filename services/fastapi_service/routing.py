"""The order in which a request is judged: FastAPI would read the body before it looks at the token.

A router of the shop is `APIRouter(route_class=ShopRoute)`. An operation that needs a token says so with
`dependencies=[scope("orders:write")]`; those that neither do so nor have a body are FastAPI's own, `HEAD` aside, and
cost no more.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response, Security
from fastapi.params import Depends
from fastapi.params import Security as SecurityParameter
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from shop.documents import BODY_MAX_BYTES, MalformedJSON, parse
from shop.problems import Problem
from shop.tokens import require_scope

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_bearer = HTTPBearer(scheme_name="token", bearerFormat="JWT", auto_error=False)


def scope(name: str) -> Depends:
    """Documents that an operation needs a token with this scope, and makes ShopRoute ask for it."""
    dependency: Depends = Security(_bearer, scopes=[name])
    return dependency


class ShopRoute(APIRoute):
    """Token (401, 403), Content-Length (411, 413), media type (415) and JSON (400), then all that FastAPI does."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods = set(options.pop("methods", None) or {"GET"})
        super().__init__(path, endpoint, methods=methods | {"HEAD"} if "GET" in methods else methods, **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        scopes = [
            name
            for dependency in self.dependencies
            if isinstance(dependency, SecurityParameter)
            for name in dependency.scopes or ()
        ]
        has_body = self.body_field is not None
        if not scopes and not has_body:
            return handle

        async def judge(request: Request) -> Response:
            for name in scopes:
                require_scope(request.headers.get("authorization"), name, request.app.state.token_key)
            return await handle(await _read(request) if has_body else request)

        return judge


class _DocumentRequest(Request):
    """A request whose body has been read and parsed; FastAPI takes what it finds here."""

    def __init__(self, request: Request, body: bytes, document: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._bytes = body
        self._document = document

    async def body(self) -> bytes:
        return self._bytes

    async def json(self) -> Any:
        return self._document


async def _read(request: Request) -> _DocumentRequest:
    """Raises Problem. What is refused before its body was read leaves the rest of it to the server."""
    length = request.headers.get("content-length")
    if length is None:
        raise Problem("length-required", "Send Content-Length; chunked bodies are not taken")
    if int(length) > BODY_MAX_BYTES:
        raise Problem("content-too-large", f"The body has {length} bytes; at most {BODY_MAX_BYTES} are taken")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem("unsupported-media-type", "Send Content-Type: application/json")
    body = await request.body()
    try:
        return _DocumentRequest(request, body, parse(body))
    except MalformedJSON as error:
        raise Problem("malformed-json", f"The body is not JSON: {error}") from None
