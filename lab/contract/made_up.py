"""Requests that schemathesis makes up from `openapi.yaml`: fitting ones, violating ones, and the edges between them."""

from __future__ import annotations

import copy
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from schemathesis import GenerationMode

from lab.contract.document import Contract
from lab.core.operations import EVENTS, METHODS, Operation
from lab.tree import CONTRACT

EXAMPLES = {GenerationMode.POSITIVE: 60, GenerationMode.NEGATIVE: 40}
_SLOW_TO_DRAW = {"recommend"}  # thousands of numbers for each; those that fit are exchanged for others anyway
_SLOW_EXAMPLES = 15
_CONFIGURATION = CONTRACT / "schemathesis.toml"
_EVENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "event": {"type": "string", "const": "status"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/OrderEvent"},
        },
    },
}
_MAKING_UP = threading.Lock()  # the generator changes the interpreter's recursion limit: one thread at a time


@cache
def of_seed(contract: Contract, seed_number: int) -> MadeUp:
    """Made up once for all who ask."""
    return MadeUp(contract, seed_number)


class MadeUp:
    """The same requests for every service that is checked with one seed. For any thread."""

    def __init__(self, contract: Contract, seed_number: int) -> None:
        self._document = _by_event(copy.deepcopy(dict(contract.document)))
        self._seed = seed_number
        self._api_operations: dict[str, Any] = {}
        self._cases: dict[str, list[Any]] = {}

    def cases(self, operation: Operation) -> list[Any]:
        """Schemathesis cases, the caller's to change."""
        with _MAKING_UP:
            if operation.id not in self._cases:
                self._cases[operation.id] = self._make_up(operation)
            return [_copied(case) for case in self._cases[operation.id]]

    def _make_up(self, operation: Operation) -> list[Any]:
        if not self._api_operations:
            self._load()
        api_operation = self._api_operations[operation.id]
        found = [
            case
            for case in api_operation.schema.iter_coverage_cases(
                api_operation,
                generation_modes=list(GenerationMode),
                generation_config=api_operation.schema.config.generation,
            )
            if case.method.lower() in METHODS  # servers answer stranger ones before the service sees them
        ]
        for mode in GenerationMode:
            if mode.is_positive or operation.body or api_operation.query or api_operation.path_parameters:
                number = _SLOW_EXAMPLES if operation.id in _SLOW_TO_DRAW else EXAMPLES[mode]
                found += self._drawn(api_operation, mode, number)
        return found

    def _load(self) -> None:
        set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "framework-lab-hypothesis")  # else it writes where one is
        config = schemathesis.Config.from_path(_CONFIGURATION)
        schema = schemathesis.openapi.from_dict(self._document, config=config)
        results: Any = schema.get_all_operations()
        for api_operation in (result.ok() for result in results):
            self._api_operations[api_operation.definition.raw["operationId"]] = api_operation

    def _drawn(self, api_operation: Any, mode: GenerationMode, number: int) -> list[Any]:
        drawn = []

        @seed(self._seed)
        @settings(
            max_examples=number,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=api_operation.as_strategy(generation_mode=mode), stray=st.integers(0, 10**6))
        def draw(case: Any, stray: int) -> None:
            if api_operation.path == "/ping":  # has nothing to vary but what is ignored
                case.query = {"unknown": str(stray)}
            drawn.append(case)

        draw()
        return drawn


def _by_event(document: dict[str, Any]) -> dict[str, Any]:
    """The document with schemas of streams as the generator reads them: of each event, not of the whole text."""
    for item in document["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            for response in operation["responses"].values():
                if EVENTS in response.get("content", {}):
                    response["content"][EVENTS]["schema"] = _EVENT
    return document


def _copied(case: Any) -> Any:
    copied = case.derive()
    copied._meta = copy.deepcopy(case.meta)
    return copied
