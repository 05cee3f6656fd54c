"""Configuration of programs that can't be run here: no key but those that Tempo 2.10 and Grafana 12 know.

Tempo ends at a key that it does not know, Grafana goes past it.
https://grafana.com/docs/tempo/v2.10.x/configuration/manifest/
https://grafana.com/docs/grafana/v12.4/administration/provisioning/
"""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from tests.helm import charts

pytestmark = charts.needs_helm

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
URL: Schema = {"type": "string", "pattern": "^http://[a-z.-]+:[0-9]+$"}
ADDRESS: Schema = {"type": "string", "pattern": "^0\\.0\\.0\\.0:[0-9]+$"}
DURATION: Schema = {"type": "string", "pattern": "^-?[0-9]+[smh]$"}
PATH: Schema = {"type": "string", "pattern": "^/"}


def exactly(**members: Schema) -> Schema:
    """An object with these members, all of them, and no other."""
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


def source(kind: str, settings: Schema, **others: Schema) -> Schema:
    return exactly(
        name=TEXT,
        uid={"const": kind},
        type={"const": kind},
        access={"const": "proxy"},
        url=URL,
        jsonData=settings,
        **others,
    )


TEMPO = exactly(
    server=exactly(http_listen_port={"const": 3200}, log_level={"enum": ["debug", "info", "warn", "error"]}),
    distributor=exactly(
        receivers=exactly(otlp=exactly(protocols=exactly(grpc=exactly(endpoint=ADDRESS)))),
    ),
    ingester=exactly(max_block_duration=DURATION, lifecycler=exactly(min_ready_duration=DURATION)),
    compactor=exactly(compaction=exactly(block_retention=DURATION)),
    storage=exactly(
        trace=exactly(backend={"const": "local"}, wal=exactly(path=PATH), local=exactly(path=PATH)),
    ),
    usage_report=exactly(reporting_enabled={"type": "boolean"}),
)

PROMETHEUS_SOURCE = source(
    "prometheus",
    exactly(
        httpMethod={"enum": ["GET", "POST"]},
        timeInterval=DURATION,
        exemplarTraceIdDestinations=array(exactly(name=TEXT, datasourceUid={"const": "tempo"})),
    ),
    isDefault={"const": True},
)
TEMPO_SOURCE = source(
    "tempo",
    exactly(
        nodeGraph=exactly(enabled={"type": "boolean"}),
        tracesToMetrics=exactly(
            datasourceUid={"const": "prometheus"},
            spanStartTimeShift=DURATION,
            spanEndTimeShift=DURATION,
            tags=array(exactly(key=TEXT, value=TEXT)),
            queries=array(exactly(name=TEXT, query=TEXT)),
        ),
    ),
)
ALERTMANAGER_SOURCE = source("alertmanager", exactly(implementation={"enum": ["prometheus", "mimir", "cortex"]}))
SOURCES = exactly(
    apiVersion={"const": 1},
    datasources=array({"anyOf": [PROMETHEUS_SOURCE, TEMPO_SOURCE, ALERTMANAGER_SOURCE]}),
)
DASHBOARDS = exactly(
    apiVersion={"const": 1},
    providers=array(
        exactly(
            name=TEXT,
            folder=TEXT,
            type={"const": "file"},
            disableDeletion={"type": "boolean"},
            allowUiUpdates={"type": "boolean"},
            options=exactly(path=PATH),
        )
    ),
)

FILES = [
    ("tempo", "tempo.yaml", TEMPO),
    ("grafana", "datasources.yaml", SOURCES),
    ("grafana", "dashboards.yaml", DASHBOARDS),
]


@pytest.mark.parametrize(("name", "key", "schema"), FILES, ids=[key for _, key, _ in FILES])
def test_it_has_the_keys_that_are_known(name: str, key: str, schema: Schema) -> None:
    document = yaml.safe_load(charts.configuration(charts.render("platform", {}), name, key))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(document)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_dashboards_are_where_the_provider_looks() -> None:
    documents = charts.render("platform", {})
    (provider,) = yaml.safe_load(charts.configuration(documents, "grafana", "dashboards.yaml"))["providers"]
    (grafana,) = [of for of in documents if of["kind"] == "Deployment" and of["metadata"]["name"] == "grafana"]
    (container,) = grafana["spec"]["template"]["spec"]["containers"]
    volumes = {of["mountPath"]: of["name"] for of in container["volumeMounts"]}
    assert volumes[provider["options"]["path"]] == "dashboards"
