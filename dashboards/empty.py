"""Why a panel shows nothing though nothing is broken. Whoever knows that a reason does not hold can demand a series."""

from __future__ import annotations

from enum import StrEnum


class Empty(StrEnum):
    NO_LOAD = "no load worker runs"
    NO_TRIAL = "load workers name a trial only while one runs"
    NO_TRAFFIC = "nothing is divided by while nobody asks"
    NO_KUBELETS = "only where Prometheus may read the kubelets"
    NO_WORKERS_OF_KUBELETS = "no load worker runs, or Prometheus may not read the kubelets"
    NO_DATABASE = "only roles with a database have connections to it"
    NO_CALLS = "only orders ask another service"
    NO_LOOP = "only variants with an event loop have a lag of it"
    NO_POOL = "only variants with a pool of threads beside those that serve"
    NO_TRACES = "only replicas with telemetry `official` trace"
    NO_FAILED_SPANS = "nothing is traced, or nothing failed"
    NOTHING_LOST = "no span was lost"
    NO_COLLECTOR = "the collector is not scraped, or has had no span yet"
    NO_PROMETHEUS = "Prometheus does not scrape itself"
    NO_OPERATOR = "no HTTPAutoscaler is there, or its operator runs in another namespace"
    NO_RULES = "rules ask for nothing until replicas have told twice what they do"
    NOTHING_WAITS = "all pods start, or no HTTPAutoscaler looks after them"
    NOTHING_FAILED = "nothing has failed since the operator started"
    NOTHING_STARTED = "nothing has started in the last seconds"
    NOTHING_SCALED = "the number of replicas is what it was"
