"""Every error as a problem document: the shop's refusals, and what FastAPI, Starlette and SQLAlchemy raise."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Literal, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from shop.documents import pointer
from shop.problems import MEDIA_TYPE, FieldError, Problem, invalid, method_not_allowed, unavailable
from sqlalchemy import exc
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from telemetry.errors import message

from fastapi_service.database import NO_CONNECTION

log = logging.getLogger(__name__)

Where = Literal["body", "query", "path", "header"]

# Classes of SQLSTATE: connection, rollback (deadlock), resources, intervention (shutdown, statement cancelled).
UNAVAILABLE = frozenset({"08", "40", "53", "57"})


def answer(problem: Problem) -> Response:
    content = json.dumps(problem.document()).encode()
    return Response(content, problem.status, headers=dict(problem.headers), media_type=MEDIA_TYPE)


async def on_problem(request: Request, error: Exception) -> Response:
    return answer(cast(Problem, error))


async def on_invalid(request: Request, error: Exception) -> Response:
    return answer(invalid([_field_error(e) for e in cast(RequestValidationError, error).errors()]))


def _field_error(error: Mapping[str, Any]) -> FieldError:
    where, *path = error["loc"]
    field = pointer(*path) if where == "body" else str(path[0])
    return FieldError(cast(Where, where), field, error["msg"])


async def on_http_exception(request: Request, error: Exception) -> Response:
    """What Starlette's router raises: no such path, or no such method of it."""
    if cast(HTTPException, error).status_code == 405:
        return answer(method_not_allowed(_methods_of_path(request)))
    return answer(Problem("not-found", f"Nothing is at {request.url.path}"))


def _methods_of_path(request: Request) -> list[str]:
    """Of all routes with this path: Starlette's own answer names those of the first only."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.path_regex.match(request.url.path):
            methods |= route.methods or set()
    return sorted(methods)


async def on_no_connection(request: Request, error: Exception) -> Response:
    log.warning("database: %s", message(error))
    return answer(unavailable("The database does not answer"))


async def on_database_error(request: Request, error: Exception) -> Response:
    error = cast(exc.DBAPIError, error)
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state[:2] in UNAVAILABLE:
        return await on_no_connection(request, error)
    raise error


async def on_disconnect(request: Request, error: Exception) -> Response:
    """Nobody reads this: the client went away before its body was complete."""
    return answer(Problem("malformed-json", "The body ends early"))


async def on_anything_else(request: Request, error: Exception) -> Response:
    """uvicorn logs the traceback, and closes the connection afterwards."""
    return answer(Problem("internal-error", "This is a fault of the service", headers={"Connection": "close"}))


def install(app: FastAPI) -> None:
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(ClientDisconnect, on_disconnect)
    app.add_exception_handler(exc.DBAPIError, on_database_error)
    for error in NO_CONNECTION:
        app.add_exception_handler(error, on_no_connection)
    app.add_exception_handler(Exception, on_anything_else)
