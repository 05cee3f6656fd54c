"""Telemetry of this variant: what Django and psycopg need beside the shared part."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch
from shop.routes import NO_ROUTE, contract_route
from telemetry import libraries
from telemetry.setup import Telemetry
from telemetry.wsgi import ROUTE_KEY, Measured, Sampled, describe

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from django.db.backends.base.base import BaseDatabaseWrapper
    from opentelemetry.trace import Span
    from telemetry.metrics import Metrics
    from telemetry.tracing import Tracing


def _route_of(pattern: str) -> str:
    """Empty for a regular expression: with one the admin catches whatever it does not have."""
    return NO_ROUTE if "(?P<" in pattern else contract_route(pattern)


def application(telemetry: Telemetry) -> WSGIApplication:
    """Django's application that is to be served. Django is set up."""
    if telemetry.metrics is None:
        return WSGIHandler()
    if settings.DATABASES:
        _watch_connections(telemetry.metrics)
    served: WSGIApplication = Handler()
    if tracing := telemetry.tracing:
        _trace(tracing)
        served = Sampled(TracedHandler(), served, tracing.sampling)
    if apps.is_installed("django_service.catalog") and settings.SHOP_HAS_CACHE:
        libraries.instrument_redis(telemetry)
    if settings.SHOP_CATALOG_URL:
        from django_service.orders.prices import prices

        prices().tell(telemetry)
    return Measured(served, telemetry.metrics)


class Handler(WSGIHandler):
    """Notes which path of the contract a request has, where Django finds its view."""

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        match = super().resolve_request(request)
        request.META[ROUTE_KEY] = _route_of(match.route)
        return match


class TracedRequest(WSGIRequest):
    def build_absolute_uri(self, location: str | None = None) -> str:
        """The instrumentation asks for `?`, thrice, to know whether it is to leave out this URL. Django would refuse
        hosts that it is not told of, or that are none, which nothing else here asks for."""
        return self.path if location == "?" else super().build_absolute_uri(location)


class TracedHandler(Handler):
    """Finds the view before the instrumentation does, for a name of its own; Django takes what was found."""

    request_class = TracedRequest

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        with suppress(Resolver404):
            self.resolve_request(request)
        return super().get_response(request)

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        return request.resolver_match or super().resolve_request(request)


def _trace(tracing: Tracing) -> None:
    """The instrumentation's middleware is in place when this returns, before a handler loads it."""
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
    from telemetry.tracing import NO_METERS

    from django_service.statements import Statements

    DjangoInstrumentor().instrument(response_hook=_describe, tracer_provider=tracing.provider, meter_provider=NO_METERS)
    if settings.DATABASES:
        PsycopgInstrumentor().instrument(tracer_provider=Statements(tracing.provider))  # it makes no metrics


def _describe(span: Span, request: HttpRequest, response: HttpResponseBase) -> None:
    describe(span, request.META)


def _watch_connections(metrics: Metrics) -> None:
    """Each thread keeps its own, and there is no pool: nobody waits for one. Used are those with a transaction."""
    from django.db.backends.signals import connection_created

    known: set[weakref.ref[BaseDatabaseWrapper]] = set()

    def remember(connection: BaseDatabaseWrapper, **_: Any) -> None:
        known.add(weakref.ref(connection))

    connection_created.connect(remember, weak=False)
    metrics.watch_connections(settings.SHOP_THREADS, partial(_counts, known))


def _counts(known: set[weakref.ref[BaseDatabaseWrapper]]) -> Mapping[str, int]:
    from psycopg.pq import TransactionStatus

    kept = [wrapper.connection for reference in known.copy() if (wrapper := reference())]
    states = [connection.info.transaction_status for connection in kept if connection and not connection.closed]
    idle = states.count(TransactionStatus.IDLE)
    return {"idle": idle, "used": len(states) - idle}
