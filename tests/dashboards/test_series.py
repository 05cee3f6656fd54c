"""The list of series is what is exported: nothing is in it that nobody tells, with no label that it has not."""

from __future__ import annotations

import re

import pytest
import yaml
from prometheus_client import CollectorRegistry
from scaler import metrics as operator
from scaler.decision import Decision, Reason
from scaler.demand import Recommendation, Rule
from scaler.scraping import Failure, Fault

from dashboards import series
from dashboards.series import OF_CONTAINERS, OF_PODS, OPERATOR, SCRAPED, SERIES
from tests.helm import charts


def test_the_operator_tells_what_is_listed_of_it() -> None:
    registry = CollectorRegistry()
    told = operator.Metrics(registry, lambda: 0.0)
    told.decided(
        "shop", "orders", 1, Decision(1, Reason.WITHIN_TARGET, "1 stay", (Recommendation(Rule.THROUGHPUT, 1.0, {}),))
    )
    told.waits("shop", "orders", ["CrashLoopBackOff"])
    told.scraped([Failure(Fault.TIMEOUT, "no answer")])
    told.requested("GET", "200")
    found: dict[str, frozenset[str]] = {}
    for family in registry.collect():
        for sample in family.samples:
            # The resource's namespace comes second: the label of the target is `namespace`.
            labels = {"exported_namespace" if label == "namespace" else label for label in sample.labels}
            found[sample.name] = frozenset(labels)
    listed = {
        name: SERIES[name] - OF_PODS
        for name in SERIES
        if any(name == of or name.startswith(f"{of}_") for of in OPERATOR)
    }
    assert listed == {name: labels - OF_PODS for name, labels in found.items() if not name.endswith("_created")}


@charts.needs_helm
@pytest.mark.parametrize(("job", "labels"), [("pods", OF_PODS), ("cadvisor", SCRAPED | {"node"})])
def test_targets_have_the_labels_that_the_scrape_configuration_makes(job: str, labels: frozenset[str]) -> None:
    (scraped,) = [of for of in _scrapes() if of["job_name"] == job]
    made = {of["target_label"] for of in scraped["relabel_configs"] if "target_label" in of}
    assert made | SCRAPED == labels


@charts.needs_helm
def test_kubelets_series_are_those_that_are_kept() -> None:
    (cadvisor,) = [of for of in _scrapes() if of["job_name"] == "cadvisor"]
    (kept,) = [of["regex"] for of in cadvisor["metric_relabel_configs"] if "__name__" in of.get("source_labels", ())]
    listed = {name for name in SERIES if name.startswith("container_")}
    assert {name for name in listed if not re.fullmatch(kept, f"{name};service")} == set()
    assert SERIES[series.CONTAINER_CPU] == OF_CONTAINERS


def _scrapes() -> list[charts.Document]:
    config = yaml.safe_load(charts.configuration(charts.render("platform", {}), "prometheus", "prometheus.yml"))
    scrapes: list[charts.Document] = config["scrape_configs"]
    return scrapes
