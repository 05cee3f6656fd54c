"""Whether a request is traced: the sampler's rule, asked before instrumentation, and what is done with the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import get_current_span
from telemetry import asgi, wsgi
from telemetry.sampling import Ids, Sampling

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-00"}


def provider_and_sampling(share: float) -> tuple[TracerProvider, Sampling]:
    ids = Ids()
    provider = TracerProvider(ParentBased(TraceIdRatioBased(share)), id_generator=ids, shutdown_on_exit=False)
    return provider, Sampling(provider.sampler, ids)


CASES = [
    # case, share, headers -> dropped
    ("no parent, nothing is sampled", 0.0, {}, True),
    ("no parent, everything is", 1.0, {}, False),
    ("the parent is sampled", 0.0, SAMPLED, False),
    ("the parent is not", 1.0, UNSAMPLED, True),
    ("a parent that makes no sense is none", 1.0, {"traceparent": "00-nonsense"}, False),
]


@pytest.mark.parametrize(("share", "headers", "dropped"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_parent_decides_and_else_the_share(share: float, headers: dict[str, str], dropped: bool) -> None:
    _, sampling = provider_and_sampling(share)
    assert (sampling.dropped(headers) is not None) is dropped


def test_what_is_kept_is_sampled_by_the_tracer_too() -> None:
    provider, sampling = provider_and_sampling(0.5)
    tracer = provider.get_tracer("test")
    kept = 0
    for _ in range(1000):
        if sampling.dropped({}) is None:
            assert tracer.start_span("request").get_span_context().trace_flags.sampled
            kept += 1
    assert 400 < kept < 600  # 500 expected; six standard deviations are 95


def test_a_trace_that_begins_elsewhere_does_not_get_an_id_that_was_left_over() -> None:
    provider, sampling = provider_and_sampling(1.0)
    tracer = provider.get_tracer("test")
    sampling.dropped({})
    ids = {tracer.start_span("request").get_span_context().trace_id for _ in range(3)}
    assert len(ids) == 3


def called_with() -> dict[str, str]:
    """What a service that is called now would be sent."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier


def asked_async(sampling: Sampling, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    found: list[tuple[str, dict[str, str]]] = []

    async def traced(scope: Any, receive: Any, send: Any) -> None:
        found.append(("traced", called_with()))

    async def plain(scope: Any, receive: Any, send: Any) -> None:
        found.append(("plain", called_with()))

    async def request() -> None:
        scope = {"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
        await asgi.Sampled(traced, plain, sampling)(scope, None, None)  # type: ignore[arg-type]
        assert not get_current_span().get_span_context().is_valid

    asyncio.run(request())
    return found[0]


def asked(sampling: Sampling, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    found: list[tuple[str, dict[str, str]]] = []

    def traced(environ: Any, start_response: Any) -> Iterable[bytes]:
        found.append(("traced", called_with()))
        return []

    def plain(environ: Any, start_response: Any) -> Iterable[bytes]:
        found.append(("plain", called_with()))
        return []

    environ = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    wsgi.Sampled(traced, plain, sampling)(environ, None)  # type: ignore[arg-type]
    assert not get_current_span().get_span_context().is_valid
    return found[0]


@pytest.mark.parametrize("asked", [asked_async, asked], ids=["asgi", "wsgi"])
def test_a_request_that_is_dropped_passes_instrumentation_by_and_says_so_to_whom_it_calls(asked: Any) -> None:
    _, sampling = provider_and_sampling(1.0)
    which, sent = asked(sampling, UNSAMPLED)
    assert which == "plain"
    assert sent["traceparent"].startswith(f"00-{TRACE_ID}-")
    assert sent["traceparent"].endswith("-00")


@pytest.mark.parametrize("asked", [asked_async, asked], ids=["asgi", "wsgi"])
def test_a_request_that_is_traced_is_left_to_instrumentation(asked: Any) -> None:
    _, sampling = provider_and_sampling(0.0)
    assert asked(sampling, SAMPLED) == ("traced", {})
