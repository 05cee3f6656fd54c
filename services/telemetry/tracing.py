"""Traces of one replica: OpenTelemetry's SDK, sending batches in a thread of its own.

Everything that `OTEL_*` variables decide is theirs; what they leave open is decided here. What waits is bounded by the
SDK's queue, and counted in metrics when it is dropped. Created in the process that serves, after any fork.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Sum
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Span, Status, format_span_id, format_trace_id, get_current_span
from prometheus_client import Counter
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from shop import __version__
from shop.settings import Settings

from telemetry.errors import first_line
from telemetry.sampling import Ids, Sampling

QUEUE = "OTEL_BSP_MAX_QUEUE_SIZE"
QUEUE_SIZE = 2048  # the specification's
BATCH = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
DEFAULTS = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
    # Writing down the SDK's 512 spans keeps the interpreter from requests for 23 ms, in slices of 5; 64 take 2.6.
    BATCH: "64",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "2048",  # clients choose paths and headers
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",  # what waits, what was dropped
}
SENT_WITHIN_S = 1.0
ENDS_WITHIN_S = SENT_WITHIN_S + 0.5
NO_METERS = NoOpMeterProvider()  # for instrumentation, whose metrics would repeat ours
GAUGES = ("otel.sdk.processor.span.queue.size", "otel.sdk.processor.span.queue.capacity")
PROCESSED = "otel.sdk.processor.span.processed"
HELP = {
    "otel.sdk.processor.span.queue.size": "Finished spans that wait to be sent.",
    "otel.sdk.processor.span.queue.capacity": "Finished spans that may wait; more are dropped.",
    PROCESSED: "Finished spans that were handed on to be sent, or dropped (error_type).",
}
PROCESSED_AT_0: Mapping[str, float] = {"": 0, "queue_full": 0}  # by `error.type`
NOT_TAKEN = "failed"


@dataclass(frozen=True, slots=True)
class Tracing:
    provider: TracerProvider
    sampling: Sampling
    processor: BatchSpanProcessor
    _meters: MeterProvider

    def shutdown(self) -> None:
        """Sends what is finished, for so long as `SENT_WITHIN_S`; what is left then is lost, whoever receives it."""
        self.processor._batch_processor.shutdown(round(SENT_WITHIN_S * 1000))
        self._meters.shutdown()


def start(settings: Settings, registry: CollectorRegistry) -> Tracing:
    """`registry` gets the metrics of what waits, was sent and was dropped."""
    for name, value in DEFAULTS.items():
        os.environ[name] = os.environ.get(name) or value
    logging.getLogger("opentelemetry.attributes").setLevel(logging.ERROR)  # it warns of each that is cut
    batch = min(int(os.environ[BATCH]), int(os.environ.get(QUEUE) or QUEUE_SIZE))
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    processor = BatchSpanProcessor(_Exporter(registry), max_export_batch_size=batch, meter_provider=meters)
    trace_ids = Ids()
    provider = TracerProvider(
        resource=resource(settings), shutdown_on_exit=False, id_generator=trace_ids, meter_provider=NO_METERS
    )
    provider.add_span_processor(processor)
    registry.register(_SdkMetrics(reader))
    return Tracing(provider, Sampling(provider.sampler, trace_ids), processor, meters)


def resource(settings: Settings) -> Resource:
    """What every span says of where it was made."""
    return Resource.create(
        {
            "service.name": settings.role.value,
            "service.version": __version__,
            **({"lab.variant": settings.variant} if settings.variant else {}),
        }
    )


def ids(span: Span) -> Mapping[str, str]:
    """Where to find the span, for exemplars and logs; empty where there is none that anybody keeps."""
    context = span.get_span_context()
    if not context.trace_flags.sampled:
        return {}
    return {"trace_id": format_trace_id(context.trace_id), "span_id": format_span_id(context.span_id)}


def current_span() -> Mapping[str, str]:
    return ids(get_current_span())


class _Exporter(OTLPSpanExporter):
    """Sends of an exception what it is and the first line of what it says; the log has where it arose.

    It counts itself: the SDK's own metric takes spans that were answered with an error for sent.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(meter_provider=NO_METERS)
        exported = Counter(
            "otel_sdk_exporter_span_exported",
            "Finished spans that the collector took, or did not (error_type).",
            ("error_type",),
            registry=registry,
        )
        self._taken, self._not_taken = exported.labels(""), exported.labels(NOT_TAKEN)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export([_first_lines(span) for span in spans])
        (self._taken if result is SpanExportResult.SUCCESS else self._not_taken).inc(len(spans))
        return result


def _first_lines(span: ReadableSpan) -> ReadableSpan:
    if not span.events:
        return span
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=[Event(event.name, _kept(event.attributes or {}), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, first_line(span.status.description or "")),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _kept(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: first_line(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if name != "exception.stacktrace"
    }


class _SdkMetrics(Collector):
    """What the SDK counts of itself, in Prometheus' spelling."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def collect(self) -> Iterable[Metric]:
        found = self._values()
        for name in GAUGES:
            yield GaugeMetricFamily(_spelled(name), HELP[name], value=sum(found.get(name, {}).values()))
        processed = CounterMetricFamily(_spelled(PROCESSED), HELP[PROCESSED], labels=["error_type"])
        for error_type, value in {**PROCESSED_AT_0, **found.get(PROCESSED, {})}.items():
            processed.add_metric([error_type], value)
        yield processed

    def _values(self) -> Mapping[str, Mapping[str, float]]:
        """By metric and by `error.type`."""
        data = self._reader.get_metrics_data()
        values: dict[str, dict[str, float]] = {}
        for resource_metrics in data.resource_metrics if data else ():
            for scope_metrics in resource_metrics.scope_metrics:
                for metric in scope_metrics.metrics:
                    if metric.name in HELP and isinstance(metric.data, Sum):
                        for point in metric.data.data_points:
                            error_type = str((point.attributes or {}).get("error.type", ""))
                            values.setdefault(metric.name, {})[error_type] = point.value
        return values


def _spelled(name: str) -> str:
    return name.replace(".", "_")
