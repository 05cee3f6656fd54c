"""What the chart `platform` makes of its values; the programs it configures check their own configuration."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.promql import named
from dashboards.series import SERIES
from lab.runtimes.kubernetes.attached import Work
from tests.helm import charts, documentation
from tests.helm.charts import ROOT, Document, Values

pytestmark = charts.needs_helm

CHART = "platform"
MINIMAL: Values = {
    "alertmanager": {"enabled": False},
    "collector": {"enabled": False},
    "grafana": {"enabled": False},
    "metricsServer": {"enabled": False},
    "prometheus": {"enabled": False},
    "tempo": {"enabled": False},
}
ELSEWHERE: Values = {
    "postgresql": {"url": "postgresql://lab@db.example:5432/postgres"},
    "valkey": {"url": "redis://cache.example:6379/0"},
    "prometheus": {"url": "http://prometheus.example:9090/"},
    "collector": {"file": {"enabled": True}},
    "tempo": {"url": "http://tempo.example:3200", "otlpEndpoint": "tempo.example:4317"},
}
SHAPES: dict[str, Values] = {
    "default": {},
    "minimal": MINIMAL,
    "namespaced": {"namespaced": True, "nodePorts": {"enabled": True}},
    "elsewhere": ELSEWHERE,
    "persistent": {"postgresql": {"persistence": {"enabled": True}}},
}
SERVICES = {
    "postgresql": 5432,
    "valkey": 6379,
    "prometheus": 9090,
    "alertmanager": 9093,
    "otel-collector": 4318,
    "tempo": 3200,
    "grafana": 3000,
    "metrics-server": 443,
}

needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")


@pytest.mark.parametrize("shape", ["default", "minimal", "namespaced"])
def test_rendered_as_reviewed(shape: str) -> None:
    """But for the dashboards, which are files of the chart already."""
    documents = charts.manifest(CHART, SHAPES[shape]).split("\n---\n")
    reviewed = [of for of in documents if "\n  name: grafana-dashboards\n" not in of]
    charts.golden(f"platform/{shape}.yaml", "\n---\n".join(reviewed))


@charts.needs_kubeconform
@pytest.mark.parametrize("shape", SHAPES)
def test_kubernetes_takes_it(shape: str) -> None:
    charts.conform(charts.manifest(CHART, SHAPES[shape]))


def test_linted() -> None:
    charts.lint(CHART, {})


def test_values_are_documented_and_in_the_schema() -> None:
    documentation.documented(CHART)
    documentation.in_schema(CHART)


# case, values, what helm says
REFUSED = [
    ("unknown value", {"postgresql": {"enable": False}}, "'enable' not allowed"),
    ("password in an address", {"postgresql": {"url": "postgresql://lab:pass@db/x"}}, "/postgresql/url"),
    ("image without a tag", {"grafana": {"image": "grafana/grafana"}}, "/grafana/image"),
    ("cache by TLS", {"valkey": {"url": "rediss://cache.example:6380/0"}}, "/valkey/url"),
    ("off, with an address", {"valkey": {"enabled": False, "url": "redis://c:6379"}}, "leave valkey.url empty"),
    ("alerts of nothing", {"prometheus": {"enabled": False}}, "alertmanager needs prometheus, which is switched off"),
    ("dashboards of nothing", {"prometheus": {"enabled": False}}, "grafana needs prometheus, which is switched off"),
    ("traces from nowhere", {"collector": {"enabled": False}}, "tempo needs collector, which is switched off"),
    ("half of a Tempo", {"tempo": {"url": "http://tempo.example:3200"}}, "tempo.otlpEndpoint, where the collector"),
    ("the other half", {"tempo": {"otlpEndpoint": "tempo.example:4317"}}, "tempo.url, which is empty"),
    ("windows over what is kept", {"prometheus": {"rules": "production"}}, "production looks back 3 days, and"),
    ("spans to nowhere", {**MINIMAL, "collector": {"enabled": True}}, "collector has nowhere to send spans"),
]


@pytest.mark.parametrize(("values", "sentence"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_wrong_values_are_refused_with_a_sentence(values: Values, sentence: str) -> None:
    assert sentence in " ".join(charts.refusal(CHART, values).split())


def test_all_problems_are_told_at_once() -> None:
    assert "3 problems in the values" in charts.refusal(
        CHART, {**MINIMAL, "grafana": {}, "alertmanager": {}, "tempo": {}}
    )


def test_every_part_has_its_address() -> None:
    ports = {of["metadata"]["name"]: of["spec"]["ports"][0]["port"] for of in _kind("Service", {})}
    assert ports == SERVICES


def test_what_is_elsewhere_is_not_made() -> None:
    made = {of["metadata"]["name"] for of in _kind("Deployment", ELSEWHERE)}
    assert made == {"alertmanager", "otel-collector", "grafana", "metrics-server"}


def test_namespaced_makes_nothing_outside_the_namespace() -> None:
    outside = [
        (of["kind"], of["metadata"]["name"])
        for of in _documents(json.dumps({"namespaced": True}))
        if of["metadata"].get("namespace") != charts.NAMESPACE
    ]
    assert outside == []


def test_everything_carries_the_standard_labels() -> None:
    wanted = {f"app.kubernetes.io/{label}" for label in ("name", "instance", "component", "part-of", "managed-by")}
    missing = [
        (of["kind"], of["metadata"]["name"]) for of in _documents("{}") if not wanted <= of["metadata"]["labels"].keys()
    ]
    assert missing == []


@pytest.mark.parametrize("shape", SHAPES)
def test_pods_keep_the_restricted_standard_and_a_read_only_root(shape: str) -> None:
    assert charts.unrestricted(_documents(json.dumps(SHAPES[shape]))) == []


def test_all_parts_request_less_than_what_two_cores_leave() -> None:
    """The control plane takes 950m of 2,000m, four replicas 1,000m: 50m are for this chart, load and checker."""
    everything = {"collector": {"file": {"enabled": True}}, "postgresql": {"persistence": {"enabled": True}}}
    jobs = [Work(name, name, "an/image:1", (), memory="128Mi").manifest() for name in ("load", "checker")]
    requests = [
        container["resources"]["requests"]
        for pod in charts.pods([*_documents(json.dumps(everything)), *jobs])
        for container in pod["spec"]["containers"]
    ]
    assert len(requests) == len(SERVICES) + len(["reader"]) + len(jobs)
    assert sum(int(of["cpu"].removesuffix("m")) for of in requests) <= 50
    assert sum(int(of["memory"].removesuffix("Mi")) for of in requests) <= 2048


def test_no_part_has_a_cpu_limit() -> None:
    limits = {
        of["name"]: sorted(of["resources"]["limits"]) for of in _containers({"collector": {"file": {"enabled": True}}})
    }
    assert set(map(tuple, limits.values())) == {("memory",)}


# a value, the part whose pod it replaces
CHANGES: list[tuple[Values, str]] = [
    ({"prometheus": {"scrapeInterval": "10s"}}, "prometheus"),
    ({"collector": {"file": {"enabled": True}}}, "otel-collector"),
    ({"tempo": {"retention": "1h"}}, "tempo"),
    ({"alertmanager": {"enabled": False}}, "grafana"),
    ({"postgresql": {"maxConnections": 100}}, "postgresql"),
]


@pytest.mark.parametrize(("values", "part"), CHANGES, ids=[part for _, part in CHANGES])
def test_a_change_replaces_the_pod_it_concerns(values: Values, part: str) -> None:
    before, after = _pods({}), _pods(values)
    assert before[part] != after[part]
    assert before["valkey"] == after["valkey"]


@pytest.mark.parametrize(("shape", "waits"), [("default", False), ("persistent", True)])
def test_postgresql_waits_for_the_disk_only_where_data_is_kept(shape: str, waits: bool) -> None:
    (container,) = _pods(SHAPES[shape])["postgresql"]["spec"]["containers"]
    (initdb,) = [of["value"] for of in container["env"] if of["name"] == "POSTGRES_INITDB_ARGS"]
    assert ("--fsync=on" in container["args"], "--no-sync" not in initdb) == (waits, waits)


@pytest.mark.parametrize("trusted", [False, True])
def test_certificates_of_kubelets_are_checked_unless_told_otherwise(trusted: bool) -> None:
    values = {"kubeletInsecureTls": True} if trusted else {}
    config = yaml.safe_load(_config("prometheus", "prometheus.yml", values))
    (cadvisor,) = [of for of in config["scrape_configs"] if of["job_name"] == "cadvisor"]
    (metrics_server,) = _pods(values)["metrics-server"]["spec"]["containers"]
    assert cadvisor["tls_config"]["insecure_skip_verify"] is trusted
    assert ("--kubelet-insecure-tls" in metrics_server["args"]) is trusted


def test_it_may_be_part_of_another_chart() -> None:
    assert charts.render(CHART, {"global": {"anything": 1}}) == charts.render(CHART, {})


# case, values, parts that the notes say how to reach from outside the cluster
REACHED: list[tuple[str, Values, list[str]]] = [
    ("all", {}, ["alertmanager", "grafana", "prometheus"]),
    ("Prometheus elsewhere", {"prometheus": {"url": "http://prometheus.example:9090"}}, ["alertmanager", "grafana"]),
    ("no Grafana", {"grafana": {"enabled": False}}, ["alertmanager", "prometheus"]),
    ("nothing", MINIMAL, []),
]


@pytest.mark.parametrize(("values", "reached"), [c[1:] for c in REACHED], ids=[c[0] for c in REACHED])
def test_notes_say_how_to_reach_what_is_there(values: Values, reached: list[str], tmp_path: Path) -> None:
    notes = charts.notes(CHART, values, tmp_path)
    assert re.findall(r"port-forward service/(\w+)", notes) == reached
    assert ("From your machine" in notes) is bool(reached)


@needs_promtool
@pytest.mark.parametrize("shape", ["default", "namespaced"])
def test_prometheus_takes_its_configuration(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text(_config("prometheus", "prometheus.yml", SHAPES[shape]))
    _run("promtool", "check", "config", "--syntax-only", str(path))


def test_a_change_of_the_rules_replaces_prometheus_alone() -> None:
    kept: Values = {"prometheus": {"retention": {"time": "4d"}}}
    before, after = _pods(kept), _pods({"prometheus": {"retention": {"time": "4d"}, "rules": "production"}})
    assert {name for name in before if before[name] != after[name]} == {"prometheus"}


@pytest.mark.parametrize("rules", ["lab", "production"])
def test_prometheus_gets_the_rules_as_they_are(rules: str) -> None:
    values: Values = {"prometheus": {"retention": {"time": "4d"}, "rules": rules}}
    given = yaml.safe_load(_config("prometheus", "rules.yaml", values))
    assert given == yaml.safe_load((ROOT / "helm" / "platform" / "rules" / f"{rules}.yaml").read_text())
    config = yaml.safe_load(_config("prometheus", "prometheus.yml", values))
    assert config["rule_files"] == ["/etc/prometheus/rules.yaml"]


@needs_promtool
def test_prometheus_takes_what_is_asked_of_a_trace(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(_trace_queries())]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "traces", "rules": rules}]}))
    _run("promtool", "check", "rules", str(path))


def test_a_trace_asks_for_series_that_exist() -> None:
    asked = {selector.name for query in _trace_queries() for selector in named(query).selectors}
    assert asked - SERIES.keys() == set()


def test_dashboards_have_a_data_source_of_each_kind_that_they_choose_from() -> None:
    chosen = {
        variable["query"]
        for dashboard in _dashboards()
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "datasource"
    }
    assert chosen == {"prometheus", "tempo"} <= {of["type"] for of in _datasources({})}


def test_grafana_gets_the_dashboards_as_they_are() -> None:
    (mounted,) = [of["data"] for of in _kind("ConfigMap", {}) if of["metadata"]["name"] == "grafana-dashboards"]
    assert mounted == {path.name: path.read_text() for path in (charts.CHARTS / CHART / "dashboards").iterdir()}


def test_grafana_opens_on_a_dashboard_that_is_mounted() -> None:
    (container,) = _pods({})["grafana"]["spec"]["containers"]
    (home,) = [of["value"] for of in container["env"] if of["name"] == "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    (mounted,) = [of["data"] for of in _kind("ConfigMap", {}) if of["metadata"]["name"] == "grafana-dashboards"]
    folder, _, name = home.rpartition("/")
    (mount,) = [of["mountPath"] for of in container["volumeMounts"] if of["name"] == "dashboards"]
    assert (folder, json.loads(mounted[name])["title"]) == (mount, "Compare")


def test_exemplars_and_traces_lead_to_each_other() -> None:
    sources = {of["uid"]: of["jsonData"] for of in _datasources({})}
    assert sources["prometheus"]["exemplarTraceIdDestinations"] == [{"name": "trace_id", "datasourceUid": "tempo"}]
    assert sources["tempo"]["tracesToMetrics"]["datasourceUid"] == "prometheus"


def test_without_tempo_nothing_leads_there() -> None:
    sources = {of["uid"]: of["jsonData"] for of in _datasources({"tempo": {"enabled": False}})}
    assert sorted(sources) == ["alertmanager", "prometheus"]
    assert "exemplarTraceIdDestinations" not in sources["prometheus"]


# case, values, exporters of traces, pipelines
PIPELINES: list[tuple[str, Values, list[str], list[str]]] = [
    ("all", {}, ["span_metrics", "otlp_grpc"], ["metrics", "traces"]),
    ("no Tempo", {"tempo": {"enabled": False}}, ["span_metrics"], ["metrics", "traces"]),
    ("file", {"collector": {"file": {"enabled": True}}}, ["span_metrics", "otlp_grpc", "file"], ["metrics", "traces"]),
    (
        "no Prometheus",
        {"prometheus": {"enabled": False}, "alertmanager": {"enabled": False}, "grafana": {"enabled": False}},
        ["otlp_grpc"],
        ["traces"],
    ),
]


@pytest.mark.parametrize(
    ("values", "exporters", "pipelines"), [c[1:] for c in PIPELINES], ids=[c[0] for c in PIPELINES]
)
def test_spans_go_where_there_is_something(values: Values, exporters: list[str], pipelines: list[str]) -> None:
    service = yaml.safe_load(_config("otel-collector", "config.yaml", values))["service"]
    assert service["pipelines"]["traces"]["exporters"] == exporters
    assert sorted(service["pipelines"]) == pipelines
    assert all(of["processors"][0] == "memory_limiter" for of in service["pipelines"].values())


@pytest.mark.parametrize("values", [c[1] for c in PIPELINES], ids=[c[0] for c in PIPELINES])
def test_the_collector_has_what_its_pipelines_name_and_no_more(values: Values) -> None:
    config = yaml.safe_load(_config("otel-collector", "config.yaml", values))
    pipelines = config["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        named = {name for pipeline in pipelines for name in pipeline[kind]} - set(config.get("connectors", ()))
        assert named == set(config[kind])


def test_addresses_elsewhere_are_used() -> None:
    config = yaml.safe_load(_config("otel-collector", "config.yaml", ELSEWHERE))
    assert config["exporters"]["prometheus_remote_write"]["endpoint"] == "http://prometheus.example:9090/api/v1/write"
    assert config["exporters"]["otlp_grpc"]["endpoint"] == "tempo.example:4317"
    assert [of["url"] for of in _datasources(ELSEWHERE)][:2] == [
        "http://prometheus.example:9090",
        "http://tempo.example:3200",
    ]


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=charts.DEADLINE_S)
    assert done.returncode == 0, done.stdout + done.stderr


def _kind(kind: str, values: Values) -> list[Document]:
    return [of for of in _documents(json.dumps(values)) if of["kind"] == kind]


@cache
def _documents(values: str) -> list[Document]:
    return charts.render(CHART, json.loads(values))


def _pods(values: Values) -> dict[str, Document]:
    return {of["metadata"]["name"]: of["spec"]["template"] for of in _kind("Deployment", values)}


def _containers(values: Values) -> Iterator[Document]:
    for pod in _pods(values).values():
        yield from pod["spec"]["containers"]


def _config(name: str, key: str, values: Values) -> str:
    return charts.configuration(_documents(json.dumps(values)), name, key)


def _datasources(values: Values) -> list[Mapping[str, Any]]:
    sources: list[Mapping[str, Any]] = yaml.safe_load(_config("grafana", "datasources.yaml", values))["datasources"]
    return sources


def _dashboards() -> list[Document]:
    return [json.loads(path.read_text()) for path in sorted((charts.CHARTS / CHART / "dashboards").glob("*.json"))]


def _trace_queries() -> Iterator[str]:
    """As Grafana has them once it has put in the tags of a span; a single `$` it would take for the environment's."""
    (tempo,) = [of for of in _datasources({}) if of["uid"] == "tempo"]
    for query in tempo["jsonData"]["tracesToMetrics"]["queries"]:
        assert not re.search(r"(?<!\$)\$(?!\$)", query["query"])
        yield query["query"].replace("$$__tags", 'role="catalog"')
