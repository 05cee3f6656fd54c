"""Scenarios: what is refused, all at once, and that those of the tree send what the contract takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from shop.seed import CATEGORIES, PRODUCTS, products

from lab.core.scenario import problems
from lab.errors import InputError
from lab.scenarios import load_scenario, names
from lab.tree import contract_operations

ORDER = {
    "operation": "placeOrder",
    "weight": 1,
    "header": {"Idempotency-Key": {"token": 16}},
    "body": {"lines": [{"product_id": 1, "quantity": 1}]},
}


def request(operation: str, **values: Any) -> dict[str, Any]:
    return {"operation": operation, "weight": 1, **values}


CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    # case                          request -> problems
    ("right", request("getProduct", path={"product_id": 1}), []),
    ("unknown operation", request("getProdct"), ["operation: getProdct is unknown; did you mean getProduct?"]),
    ("missing parameter", request("getProduct"), ["path.product_id: missing; getProduct needs it"]),
    (
        "unknown parameter",
        request("listProducts", query={"categry": "bath"}),
        ["query.categry: unknown; did you mean category?"],
    ),
    ("value refused by the contract", request("listProducts", query={"limit": 0}), ["query.limit: 0 is below 1"]),
    (
        "values refused now and then",
        request("getProduct", path={"product_id": {"integer": [0, 1]}}),
        ["path.product_id: 0 is below 1"],
    ),
    (
        "impossible generator",
        request("getProduct", path={"product_id": {"integer": [2, 1]}}),
        ["path.product_id: no whole number from 2 to 1"],
    ),
    (
        "a stream",
        request("streamOrder", path={"order_id": 1}),
        ["operation: streamOrder answers with events; open it by workload.streams"],
    ),
    ("needless body", request("ping", body={}), ["body: ping takes none"]),
    ("missing body", request("createProduct"), ["body: missing; createProduct needs one"]),
    (
        "wrong body",
        request("moveOrder", path={"order_id": {"take": "placeOrder"}}, body={"to": "sold", "by": 1}),
        ["body.by: unknown; there is to", "body.to: 'sold' is none of placed, confirmed, shipped, cancelled"],
    ),
    (
        "id of an operation that is not sent",
        request("getProduct", path={"product_id": {"pick": "createProduct"}}),
        ["path.product_id: createProduct is not among the requests, so no id would ever be known"],
    ),
    (
        "id of an operation that makes nothing",
        request("getProduct", path={"product_id": {"pick": "ping"}}),
        ["path.product_id: ping makes nothing whose id could be used"],
    ),
    (
        "id of an operation that is not there",
        request("getOrder", path={"order_id": {"pick": "placeOder"}}),
        ["path.order_id: placeOder is unknown; did you mean placeOrder?"],
    ),
]


@pytest.mark.parametrize(("wrong", "found"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_problems_that_the_contract_shows(wrong: dict[str, Any], found: list[str]) -> None:
    document = {"workload": {"requests": [ORDER, wrong]}}
    where = "workload.requests[1]."
    assert sorted(problem.removeprefix(where) for problem in problems(document, contract_operations())) == sorted(found)


def single(operation: str, **values: Any) -> dict[str, Any]:
    return {"operation": operation, **values}


PREPARE = {name: value for name, value in ORDER.items() if name != "weight"}
OPEN = single("streamOrder", path={"order_id": {"pick": "placeOrder"}})
CHANGE = single("moveOrder", path={"order_id": {"pick": "placeOrder"}}, body={"to": "confirmed"})

STREAMS: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    # case                    streams that differ       beside that differs                          problems
    ("right", {}, {}, []),
    ("no stream", {"open": single("ping")}, {}, ["workload.streams.open.operation: ping does not answer with events"]),
    (
        "about something else",
        {"prepare": single("ping")},
        {},
        [
            "workload.streams.change.path.order_id: placeOrder is not among the requests, so no id would ever be known",
            "workload.streams.open.path.order_id: placeOrder is not among the requests, so no id would ever be known",
        ],
    ),
    (
        "about what was not prepared",
        {"open": single("streamOrder", path={"order_id": 1})},
        {},
        ["workload.streams.open.path: takes no id that placeOrder made; for example  {pick: placeOrder}"],
    ),
    (
        "a role that is fixed",
        {"prepare": {**PREPARE, "role": "catalog"}},
        {},
        ["workload.streams.prepare.role: placeOrder is always of orders; leave it out"],
    ),
    (
        "beside needs parameters",
        {},
        {"request": single("getOrder")},
        ["beside.request.path.order_id: missing; getOrder needs it"],
    ),
    (
        "levels from elsewhere",
        {},
        {"levels": [5, 10]},
        ["beside.levels: start with 0 and ascend; for example  levels: [0, 100, 1000]"],
    ),
    (
        "levels that fall",
        {},
        {"levels": [0, 10, 5]},
        ["beside.levels: start with 0 and ascend; for example  levels: [0, 100, 1000]"],
    ),
]


@pytest.mark.parametrize(("streams", "beside", "found"), [c[1:] for c in STREAMS], ids=[c[0] for c in STREAMS])
def test_problems_of_streams_and_what_is_beside(
    streams: dict[str, Any], beside: dict[str, Any], found: list[str]
) -> None:
    document = {
        "workload": {"streams": {"prepare": PREPARE, "open": OPEN, "change": CHANGE, **streams}},
        "beside": {"request": single("ping", role="orders"), "rate_per_s": 10, "levels": [0, 10], **beside},
    }
    assert sorted(problems(document, contract_operations())) == found


HAPPENING = {"replicas": 2, "repeats": 3, "quick_repeats": 1, "before_s": 5, "load_s": 40, "after_s": 10}
RISE = {
    "max_replicas": 4,
    "repeats": 3,
    "quick_repeats": 1,
    "peak_per_s": 80,
    "before_s": 20,
    "load_s": 200,
    "after_s": 90,
}
READ = {"operation": "getProduct", "weight": 1, "path": {"product_id": 1}}

EXPERIMENTS: list[tuple[str, dict[str, Any], list[str]]] = [
    # case                     what is in the document besides -> problems
    ("right", {"rollout": HAPPENING}, []),
    (
        "two of them",
        {"rollout": HAPPENING, "drain": HAPPENING},
        ["rollout, drain: a scenario has one of them at most"],
    ),
    (
        "something beside",
        {"podkill": HAPPENING, "beside": {"request": single("ping"), "rate_per_s": 10, "levels": [0, 10]}},
        ["beside: has no place in a scenario with podkill"],
    ),
    (
        "of several services",
        {"rollout": HAPPENING, "workload": {"requests": [READ, ORDER]}},
        ["workload.requests: rollout is about one role; these go to catalog and orders"],
    ),
    (
        "no time for it",
        {"rollout": {**HAPPENING, "load_s": 15}},
        ["rollout.load_s: 15 leaves nothing between before_s and after_s"],
    ),
    (
        "no rise",
        {"scaleout": {**RISE, "peak_per_s": 10}, "workload": {"rate_per_s": 10, "requests": [READ]}},
        ["scaleout.peak_per_s: 10 is not above workload.rate_per_s, 10"],
    ),
    (
        "no time at the peak",
        {"scaleout": {**RISE, "load_s": 110}, "workload": {"rate_per_s": 10, "requests": [READ]}},
        ["scaleout.load_s: 110 leaves nothing between before_s and after_s"],
    ),
]


@pytest.mark.parametrize(("more", "found"), [c[1:] for c in EXPERIMENTS], ids=[c[0] for c in EXPERIMENTS])
def test_problems_of_what_is_done_to_a_service(more: dict[str, Any], found: list[str]) -> None:
    assert problems({"workload": {"requests": [READ]}, **more}, contract_operations()) == found


def write(folder: Path, document: object) -> str:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return str(path)


def test_every_problem_of_a_file_at_once(tmp_path: Path) -> None:
    document = {
        "title": "Mine",
        "workload": {
            "rate_per_s": 0,
            "timeout_s": 5,
            "requests": [request("getProduct", path={"product_id": {"integr": [1, 2]}})],
        },
        "slo": {"error_share": 0},
    }
    with pytest.raises(InputError) as refused:
        load_scenario(write(tmp_path, document))
    assert str(refused.value).splitlines() == [
        f"3 problems in {tmp_path}/mine.yaml",
        "  slo.p99_ms: missing; for example  p99_ms: 50",
        "  workload.rate_per_s: 0 is not above 0",
        "  workload.requests[0].path.product_id.integr: unknown; did you mean integer?",
    ]


RATES = [
    # case                      section                                        rate    problem
    ("a ladder without", {}, {}, "workload.rate_per_s: missing"),
    ("a load without", {"rollout": HAPPENING}, {}, "workload.rate_per_s: missing"),
    (
        "a start with",
        {"coldstart": {"repeats": 3, "quick_repeats": 1}},
        {"rate_per_s": 5},
        "workload.rate_per_s: has no",
    ),
]


@pytest.mark.parametrize(("section", "rate", "problem"), [case[1:] for case in RATES], ids=[case[0] for case in RATES])
def test_a_rate_belongs_to_what_sends_requests(
    section: dict[str, Any], rate: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    workload = {"timeout_s": 5, "requests": [READ], **rate}
    document = {"title": "Mine", "workload": workload, "slo": {"p99_ms": 5, "error_share": 0}, **section}
    with pytest.raises(InputError, match=problem):
        load_scenario(write(tmp_path, document))


def test_every_limit_is_a_case_with_as_much_set_aside() -> None:
    experiment = load_scenario("throttle").experiment
    assert experiment
    assert {name: (limit.cpu_m, limit.reserved_cpu_m) for name, limit in experiment.cases.items()} == {
        "250m": (250, 250),
        "500m": (500, 250),
        "1000m": (1000, 250),
    }


def test_a_load_that_rises_falls_again() -> None:
    scenario = load_scenario("scaleout")
    assert scenario.experiment
    before, peak, after = scenario.experiment.steps(scenario.rate_per_s)
    assert before.rate_per_s == after.rate_per_s == scenario.rate_per_s < peak.rate_per_s
    assert before.duration_s + peak.duration_s + after.duration_s == scenario.experiment.load_s
    assert load_scenario("rollout").rises is False


def test_a_file_is_named_by_its_stem(tmp_path: Path) -> None:
    document = {
        "title": "Mine",
        "workload": {"rate_per_s": 5, "timeout_s": 5, "requests": [request("ping")]},
        "slo": {"p99_ms": 5, "error_share": 0},
    }
    scenario = load_scenario(write(tmp_path, document))
    assert (scenario.name, scenario.operations) == ("mine", ("ping",))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "brwse",
            "brwse: none of browse, checkout, coldstart, drain, footprint, mixed, ping, podkill, recommend",
        ),
        ("no/such.yaml", "no/such.yaml: cannot be read"),
    ],
)
def test_unknown(name: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        load_scenario(name)


OPERATIONS = {
    "ping": {"ping"},
    "browse": {"getProduct", "listProducts"},
    "checkout": {"placeOrder", "getOrder", "moveOrder"},
    "mixed": {"getProduct", "listProducts", "placeOrder", "getOrder", "moveOrder"},
    "stream": {"placeOrder", "streamOrder", "moveOrder", "ping"},
    "recommend": {"recommend", "ping"},
    "scaleout": {"recommend"},
    "coldstart": {"getProduct"},
    **{name: {"getProduct", "listProducts"} for name in ("rollout", "podkill", "drain", "throttle", "footprint")},
}


@pytest.mark.parametrize("name", names())
def test_scenario_of_the_tree(name: str) -> None:
    assert set(load_scenario(name).operations) == OPERATIONS[name]


@pytest.mark.parametrize("name", ["browse", "mixed", "rollout", "throttle"])
def test_parameters_fit_the_seed(name: str) -> None:
    """Every category and every search finds products; every product id exists."""
    by_operation = [r for r in load_scenario(name).requests if r.operation in {"getProduct", "listProducts"}]
    texts = [{*f"{row[2]} {row[3]}".lower().replace(".", "").replace(",", "").split()} for row in products(2000)]
    for part in by_operation:
        for word in part.query.get("q", {"choice": []})["choice"]:
            assert any(set(word.split()) <= text for text in texts), word
        assert set(part.query.get("category", {"choice": []})["choice"]) <= set(CATEGORIES)
        assert part.path.get("product_id", {"integer": [1, PRODUCTS]})["integer"] == [1, PRODUCTS]
