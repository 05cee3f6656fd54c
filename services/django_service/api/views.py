"""The base of every view, and what is answered where no view is reached."""

from __future__ import annotations

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import View
from shop.problems import Problem, method_not_allowed, unavailable
from telemetry.errors import message

from django_service.api.responses import problem_response

logger = logging.getLogger(__name__)


class ApiView(View):
    """Answers problem documents for what its methods raise, and HEAD as GET without the body."""

    http_method_names = ["get", "head", "post", "put", "delete"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except Problem as problem:
            response = problem_response(problem)
        except Http404 as missing:
            response = problem_response(Problem("not-found", str(missing)))
        except (OperationalError, InterfaceError) as error:
            logger.warning("database: %s", message(error))
            response = problem_response(unavailable("The database does not answer"))
        return _framed(request, response) if isinstance(response, HttpResponse) else response

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise method_not_allowed([name.upper() for name in self.http_method_names if hasattr(self, name)])


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _framed(request, problem_response(Problem("not-found", "Nothing has this path")))


def internal_error(request: HttpRequest) -> HttpResponse:
    return _framed(request, problem_response(Problem("internal-error", "The service failed; its log says why")))


def _framed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """With the Content-Length that CommonMiddleware would add: without it the server answers in chunks."""
    response.headers["Content-Length"] = str(len(response.content))
    if request.method == "HEAD":
        response.content = b""
    return response
