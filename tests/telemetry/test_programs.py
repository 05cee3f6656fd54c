"""The real collector and the real Prometheus take what a replica tells; skipped where they are not on PATH."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest
import yaml

from lab.contract.client import Client
from lab.contract.telemetry_metrics import read
from lab.contract.telemetry_receiver import Receiver
from lab.core.conventions import CONNECTIONS, DURATION, Label
from lab.core.deployment import Deployment, Service
from lab.runtimes.local import LocalRuntime
from lab.runtimes.supervision.ports import HOST
from tests import polling
from tests.ports import free_port
from tests.telemetry.stacks import OFFICIAL
from tests.telemetry.traffic import send, traced
from tests.variants.conftest import VARIANTS

UP_WITHIN_S = 30.0
SEEN_WITHIN_S = 15.0
REQUESTS = 7
LINT_FOUND_SOMETHING = 3

pytestmark = pytest.mark.slow
_web = build_opener(ProxyHandler({}))


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not on PATH")


@contextmanager
def started(ready_url: str, *argv: str) -> Iterator[None]:
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def is_ready() -> bool:
        if process.poll() is not None:
            assert process.stdout
            raise AssertionError(f"{argv[0]} ended:\n{process.stdout.read()}")
        try:
            return bool(_web.open(ready_url, timeout=1).status == 200)
        except (URLError, OSError):
            return False

    try:
        polling.until(is_ready, UP_WITHIN_S, f"{argv[0]} is ready")
        yield
    finally:
        process.terminate()
        process.communicate(timeout=UP_WITHIN_S)


def skip_if_unfit(config: Path) -> None:
    """A collector that was built without its own telemetry starts with no configuration whatever."""
    otelcol = shutil.which("otelcol")
    assert otelcol
    done = subprocess.run([otelcol, "validate", "--config", str(config)], capture_output=True, text=True)
    if "Factories.Telemetry must not be nil" in done.stderr:
        pytest.skip("this otelcol starts with no configuration: Factories.Telemetry must not be nil")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(HOST) as receiver:
        yield receiver


@contextmanager
def orders(runtime: LocalRuntime, otlp_url: str = "") -> Iterator[Service]:
    """A replica of the role that tells most."""
    variant = next(iter(VARIANTS.values()))
    name = f"programs-{variant.name}"
    database_url = runtime.database(variant, name)
    nobody = f"http://{HOST}:{free_port()}"
    yield runtime.deploy(
        Deployment(
            name,
            variant,
            "orders",
            1,
            database_url,
            catalog_url=nobody,
            telemetry=OFFICIAL,
            otlp_url=otlp_url or nobody,
        )
    )
    runtime.remove(name)


@needs("otelcol")
def test_spans_pass_through_the_collector(runtime: LocalRuntime, receiver: Receiver, tmp_path: Path) -> None:
    port, health_port = free_port(), free_port()
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{HOST}:{port}"}}}},
        "processors": {"batch": {"timeout": "100ms"}},
        "exporters": {"otlp_http": {"endpoint": receiver.url, "compression": "gzip"}},
        "extensions": {"health_check": {"endpoint": f"{HOST}:{health_port}"}},
        "service": {
            "extensions": ["health_check"],
            "pipelines": {"traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["otlp_http"]}},
        },
    }
    file = tmp_path / "otelcol.yaml"
    file.write_text(yaml.safe_dump(config))
    skip_if_unfit(file)
    requests = [traced("/orders") for _ in range(REQUESTS)]
    with (
        started(f"http://{HOST}:{health_port}", "otelcol", "--config", str(file)),
        orders(runtime, f"http://{HOST}:{port}") as service,
    ):
        send(service.url, requests, 1)
        for request in requests:
            trace = polling.until(lambda: receiver.trace(request.trace_id), SEEN_WITHIN_S, "the trace")  # noqa: B023
            assert {span.name for span in trace} == {"GET /orders", "SELECT"}
    assert receiver.problems == set()


@needs("prometheus")
def test_prometheus_scrapes_and_answers(runtime: LocalRuntime, tmp_path: Path) -> None:
    port = free_port()
    with orders(runtime) as service:
        target = service.replicas[0].metrics_url.removeprefix("http://")
        config = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "lab", "static_configs": [{"targets": [target]}]}],
        }
        file = tmp_path / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        options = (f"--config.file={file}", f"--storage.tsdb.path={tmp_path}", f"--web.listen-address={HOST}:{port}")
        base = f"http://{HOST}:{port}"
        query = f'{DURATION.name}_count{{{Label.ROUTE}="/orders",{Label.METHOD}="GET",{Label.STATUS}="200"}}'

        def found() -> str:
            with _web.open(f"{base}/api/v1/query?{urlencode({'query': query})}", timeout=5) as answer:
                results = json.load(answer)["data"]["result"]
            return str(results[0]["value"][1]) if results else ""

        with started(f"{base}/-/ready", "prometheus", *options):
            polling.until(lambda: found() == "0", SEEN_WITHIN_S, "the series at 0")
            send(service.url, [traced("/orders") for _ in range(REQUESTS)], 1)
            polling.until(lambda: found() == str(REQUESTS), SEEN_WITHIN_S, "as many requests as were sent")


@needs("promtool")
def test_promtool_complains_of_no_name_but_the_conventions_own(runtime: LocalRuntime) -> None:
    """It wants `_count` to end the names of histograms only; OpenTelemetry's convention has it for connections."""
    with orders(runtime) as service:
        send(service.url, [traced("/orders")], 1)
        client = Client(service.replicas[0].metrics_url)
        text = read(client).text
        client.close()
    promtool = shutil.which("promtool")
    assert promtool
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if CONNECTIONS.name not in line] == [], done.stderr
    assert done.returncode in (0, LINT_FOUND_SOMETHING)
