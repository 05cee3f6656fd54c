"""Load workers as a Job of a real cluster: attached to, scraped, killed, gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Thread

import pytest

from lab.core.conventions import LOAD_OFFERED, TRIAL_INFO
from lab.core.exposition import Exposition, parse, total
from lab.core.scenario import Request, Scenario, Slo
from lab.errors import RuntimeFailure
from lab.ports import Load
from lab.runtimes.kubernetes.attached import AttachedJob, Work
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.workers import JobGenerator

pytestmark = pytest.mark.long

TARGET = "load-target"
SERVE = "import threading; from lab.contract.fake_catalog import FakeCatalog; FakeCatalog('', 8000).up(); "
WORKERS = "--selector=app.kubernetes.io/component=load"
PRODUCT = Request("getProduct", 1, {"product_id": {"integer": [1, 10_000]}}, {}, {}, None)
SCENARIO = Scenario("product", "Reading a product", 60.0, 5.0, (PRODUCT,), Slo(p99_ms=1000, error_share=0))
ECHO = (
    "import sys\n"
    "for line in sys.stdin:\n"
    "    sys.stdout.write('{\"ready\": true}\\n' if 'hello' in line else line); sys.stdout.flush()"
)


@pytest.fixture(scope="module")
def target(kubectl: Kubectl, lab_image: str) -> Iterator[str]:
    """The URL of a catalog of two pods, as pods see it."""
    labels = {"app.kubernetes.io/name": TARGET}
    pod = Work(TARGET, TARGET, lab_image, ("python", "-c", f"{SERVE}threading.Event().wait()"), "64Mi").manifest()
    spec = pod["spec"]["template"]["spec"]
    probe = {"httpGet": {"path": "/products/1", "port": 8000}, "periodSeconds": 1}
    spec = {**spec, "restartPolicy": "Always", "containers": [{**spec["containers"][0], "readinessProbe": probe}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    kubectl.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": TARGET},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": TARGET},
            "spec": {"selector": labels, "ports": [{"port": 8000}]},
        },
    )
    kubectl.run("rollout", "status", f"deployment/{TARGET}", "--timeout=60s", timeout_s=70)
    yield f"http://{TARGET}:8000"
    kubectl.run("delete", f"deployment/{TARGET}", f"service/{TARGET}")


def load(url: str, duration_s: float) -> Load:
    return Load(SCENARIO, {"catalog": url}, "a-variant", 60.0, duration_s, 1, "", run="a-run", trial="a-trial")


def left(kubectl: Kubectl) -> list[str]:
    return [one["metadata"]["name"] for one in kubectl.items("get", "jobs,pods", WORKERS)]


@pytest.mark.parametrize("workers", [1, 3])
def test_one_schedule_however_many_send_it(kubectl: Kubectl, lab_image: str, target: str, workers: int) -> None:
    with JobGenerator(kubectl, lab_image, f"run-{workers}", workers=workers) as generator:
        measured = generator.run(load(target, 2.5), lambda: None)

    assert (measured.scheduled, measured.answered, measured.errors) == (150, 150, {})
    assert [second.scheduled for second in measured.seconds] == [60, 60, 30]
    assert {port // 65_536 for port in measured.requests_by_connection} == set(range(workers))
    assert left(kubectl) == []


def test_workers_are_scraped_while_they_send(kubectl: Kubectl, lab_image: str, target: str) -> None:
    seen: list[Exposition] = []

    def scrape() -> None:
        pod = kubectl.items("get", "pods", WORKERS)[0]["metadata"]["name"]
        path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}:8001/proxy/metrics"
        seen.append(parse(kubectl.run("get", "--raw", path)))

    with JobGenerator(kubectl, lab_image, "run-scraped") as generator:
        generator.run(load(target, 2.0), scrape)
        scrape()

    assert total(seen[0].gauges, TRIAL_INFO.name) == 1
    assert (total(seen[-1].counters, LOAD_OFFERED.name), total(seen[-1].gauges, TRIAL_INFO.name)) == (120, None)


def test_a_worker_that_is_killed_is_told(kubectl: Kubectl, lab_image: str, target: str) -> None:
    killed: list[str] = []

    def kill() -> None:
        if not killed and generator.progress.completed:
            killed.append(kubectl.items("get", "pods", WORKERS)[0]["metadata"]["name"])
            kubectl.run("delete", "pod", killed[0], "--force", "--grace-period=0", "--wait=false")

    with (
        JobGenerator(kubectl, lab_image, "run-killed", workers=2) as generator,
        pytest.raises(RuntimeFailure) as failed,
    ):
        generator.run(load(target, 60), kill)

    assert str(failed.value).startswith(f"the connection to pod {killed[0]} ended\n")
    assert left(kubectl) == []


def test_an_interruption_leaves_nothing(kubectl: Kubectl, lab_image: str, target: str) -> None:
    def interrupt() -> None:
        if generator.progress.completed:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), JobGenerator(kubectl, lab_image, "run-interrupted") as generator:
        generator.run(load(target, 60), interrupt)

    assert left(kubectl) == []


def test_lines_of_2_mb_pass_whole(kubectl: Kubectl, lab_image: str) -> None:
    message = {"text": "ü" * 1_000_000}
    with AttachedJob(kubectl, Work("load-echo", "load", lab_image, ("python", "-c", ECHO), "64Mi")) as [lines]:
        sending = Thread(target=lines.send, args=(message,))
        sending.start()
        found = []
        while message not in found:
            found += lines.read()
        sending.join()
    assert len(json.dumps(message)) > 2_000_000
