"""A service that sends its only span when it has answered its last request, as late as the contract lets it."""

from __future__ import annotations

import os
import time
from urllib.request import Request, urlopen

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.runtimes import fake_service

LATE_S = 0.2

if __name__ == "__main__":
    fake_service.main()
    time.sleep(LATE_S)
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"l" * 16, span_id=b"l" * 8, name="last words")
    headers = {"Content-Type": "application/x-protobuf"}
    url = f"{os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/traces"
    urlopen(Request(url, request.SerializeToString(), headers), timeout=2).close()  # noqa: S310 - the lab's own
