"""Answers whatever is raised as a problem document."""

from __future__ import annotations

from flask import Flask, Response, current_app, jsonify
from shop.problems import MEDIA_TYPE, Problem, method_not_allowed, unavailable
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from telemetry.errors import message
from werkzeug.exceptions import InternalServerError, MethodNotAllowed, NotFound


def register(app: Flask) -> None:
    app.register_error_handler(Problem, answer)
    app.register_error_handler(NotFound, path_unknown)
    app.register_error_handler(MethodNotAllowed, method_refused)
    app.register_error_handler(InternalServerError, failed)
    for error in (OperationalError, InterfaceError, TimeoutError):
        app.register_error_handler(error, database_unavailable)


def answer(problem: Problem) -> Response:
    response = jsonify(problem.document())
    response.status_code = problem.status
    response.mimetype = MEDIA_TYPE
    response.headers.extend(problem.headers)
    return response


def path_unknown(_: NotFound) -> Response:
    return answer(Problem("not-found", "This service has no such path"))


def method_refused(error: MethodNotAllowed) -> Response:
    return answer(method_not_allowed(sorted(error.valid_methods or ())))


def database_unavailable(error: Exception) -> Response:
    current_app.logger.warning("database: %s", message(error))
    return answer(unavailable("The database does not answer"))


def failed(_: InternalServerError) -> Response:
    return answer(Problem("internal-error", "The request failed for a reason of the service's own"))
