"""Telemetry of this variant: what Flask and werkzeug need beside the shared part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, request
from shop.routes import contract_route
from telemetry.setup import Telemetry
from telemetry.wsgi import DROPPED_KEY, ROUTE_KEY, Measured, Sampled, describe
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from opentelemetry.trace import Span


def instrument(app: Flask, telemetry: Telemetry) -> WSGIApplication:
    """The application that is to be served."""
    if telemetry.metrics is None:
        return app
    served: WSGIApplication = app
    app.before_request(_note_route)
    if telemetry.tracing:
        from opentelemetry.instrumentation.flask import FlaskInstrumentor
        from telemetry.tracing import NO_METERS

        plain = app.wsgi_app
        hooks: Sequence[list[Any]] = [
            functions.setdefault(None, []) for functions in (app.before_request_funcs, app.teardown_request_funcs)
        ]
        own = [len(of_request) for of_request in hooks]
        FlaskInstrumentor.instrument_app(  # type: ignore[no-untyped-call]
            app,
            response_hook=_describe,
            tracer_provider=telemetry.tracing.provider,
            meter_provider=NO_METERS,
            enable_commenter=False,
        )
        for of_request, number in zip(hooks, own, strict=True):
            of_request[number:] = [_if_traced(hook) for hook in of_request[number:]]
        served = Sampled(app.wsgi_app, plain, telemetry.tracing.sampling)
    return Measured(served, telemetry.metrics)


def _if_traced(hook: Callable[..., Any]) -> Callable[..., None]:
    """What the instrumentation does at both ends of a request, for those that came through it only."""

    def call(*args: Any) -> None:
        if DROPPED_KEY not in request.environ:
            hook(*args)

    return call


def _note_route() -> None:
    if rule := request.url_rule or _rule_of_other_method():
        request.environ[ROUTE_KEY] = contract_route(rule.rule)


def _rule_of_other_method() -> Rule | None:
    """Of a path that is known, asked for with a method that it does not have."""
    refused = request.routing_exception
    if not isinstance(refused, MethodNotAllowed) or not refused.valid_methods:
        return None
    urls = current_app.create_url_adapter(request)
    assert urls
    rule, _ = urls.match(method=next(iter(refused.valid_methods)), return_rule=True)
    return rule


def _describe(span: Span | None, status: str, headers: list[tuple[str, str]]) -> None:
    if span:
        describe(span, request.environ)
