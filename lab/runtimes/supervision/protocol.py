"""What travels between a command and the supervisor: a line of JSON each way, one request per connection.

A request is `{"verb": ..., ...}`, its answer `{"result": ...}` or `{"error": ...}`. Who hangs up before the answer
gives up: what was being started for the request is ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from scaler.spec import Behavior, Mode, Objective, Spec, Target

from lab.core.deployment import Replica, Service, Usage
from lab.errors import InputError, LabError, RuntimeFailure

LINE_MAX_BYTES = 1 << 20

Document = dict[str, Any]


def line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"


def error_document(error: LabError) -> Document:
    if isinstance(error, InputError):
        return {"where": error.where, "problems": list(error.problems)}
    return {"text": str(error)}


def error_from(document: Mapping[str, Any]) -> LabError:
    if "problems" in document:
        return InputError(document["where"], document["problems"])
    return RuntimeFailure(document["text"])


def service_document(service: Service) -> Document:
    return asdict(service)


def service_from(document: Mapping[str, Any]) -> Service:
    replicas = (Replica(**{**replica, "pids": tuple(replica["pids"])}) for replica in document["replicas"])
    return Service(document["name"], document["url"], tuple(replicas))


def usage_document(usage: Usage) -> Document:
    return {**asdict(usage), "clients": sorted(usage.clients)}


def usage_from(document: Mapping[str, Any]) -> Usage:
    return Usage(**{**document, "pids": tuple(document["pids"]), "clients": frozenset(document["clients"])})


def spec_document(spec: Spec) -> Document:
    return asdict(spec)


def spec_from(document: Mapping[str, Any]) -> Spec:
    return Spec(
        max_replicas=document["max_replicas"],
        min_replicas=document["min_replicas"],
        target=Target(**document["target"]),
        objective=Objective(**document["objective"]),
        behavior=Behavior(**document["behavior"]),
        mode=Mode(document["mode"]),
    )
