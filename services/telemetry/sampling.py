"""Whether a request is traced, decided before instrumentation sees it.

Instrumentation describes a request at length, finds its route, and asks the sampler only then: what is dropped has cost
as much as a small answer. Here the sampler is asked first, with what it decides by: the parent and the trace's id. A
request that it drops goes past the instrumentation of its server, within a span that is not recorded, so that whatever
it calls learns of the decision, as W3C trace context has it. What is recorded is the same, for samplers that decide by
parent and id, as all of the SDK's do.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.propagate import extract, get_global_textmap
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, get_current_span, set_span_in_context

_chosen: ContextVar[int] = ContextVar("trace id of the request that begins", default=0)


class Ids(RandomIdGenerator):
    """A trace that begins gets the id by which it was sampled."""

    def generate_trace_id(self) -> int:
        trace_id = _chosen.get()
        if not trace_id:
            return super().generate_trace_id()
        _chosen.set(0)
        return trace_id


class Sampling:
    """`headers` are the names of those that `dropped` must be given, in small letters."""

    def __init__(self, sampler: Sampler, ids: Ids) -> None:
        self.headers = frozenset(get_global_textmap().fields)
        self._sampler = sampler
        self._ids = ids

    def dropped(self, headers: Mapping[str, str]) -> Context | None:
        """The context to serve a request in that is not traced; None for one that instrumentation is to have."""
        context = extract(headers) if headers else Context()
        parent = get_current_span(context).get_span_context()
        trace_id = parent.trace_id if parent.is_valid else RandomIdGenerator.generate_trace_id(self._ids)
        result = self._sampler.should_sample(context, trace_id, "", SpanKind.SERVER)
        if result.decision is not Decision.DROP:
            _chosen.set(0 if parent.is_valid else trace_id)
            return None
        span = SpanContext(trace_id, self._ids.generate_span_id(), is_remote=False, trace_state=result.trace_state)
        return set_span_in_context(NonRecordingSpan(span), context)
