"""Which variant plays which role."""

from __future__ import annotations

import pytest

from lab.core.manifest import Manifest
from lab.core.stacks import Stack, parse_stacks, stack_of
from lab.errors import InputError
from tests.core.made import manifest

A = manifest("a", "orders", "catalog")
B = manifest("b", "catalog", "recommend")
PING = manifest("p")
MANIFESTS = {variant.name: variant for variant in (A, B, PING)}

STACKS = [
    # case                             --variants  --stack                        name -> role=variant, callers last
    ("variants", "a,p", [], {"a": "catalog=a orders=a", "p": "ping=p"}),
    ("one variant as a stack", "", ["b"], {"b": "catalog=b recommend=b"}),
    ("a hybrid", "", ["orders=a,catalog=b"], {"catalog=b,orders=a": "catalog=b orders=a"}),
    ("both", "b", ["orders=a,catalog=b"], {"b": "catalog=b recommend=b", "catalog=b,orders=a": "catalog=b orders=a"}),
    ("a hybrid of one", "", ["orders=a,catalog=a"], {"a": "catalog=a orders=a"}),
]


def told(stack: Stack) -> str:
    return " ".join(f"{role}={variant.name}" for role, variant in stack.players.items())


@pytest.mark.parametrize(("names", "hybrids", "stacks"), [case[1:] for case in STACKS], ids=[c[0] for c in STACKS])
def test_stacks_are_named_and_start_callers_last(names: str, hybrids: list[str], stacks: dict[str, str]) -> None:
    assert {stack.name: told(stack) for stack in parse_stacks(names, hybrids, MANIFESTS)} == stacks


WRONG = [
    # case                         --variants  --stack                      problems
    ("unknown", "a,x", [], ["--variants: there is no variant x; there are a, b, p"]),
    ("empty", "a,", [], ["--variants: there is no variant (empty); there are a, b, p"]),
    ("named twice", "a,b,a", [], ["a is named more than once"]),
    ("named twice, once as a stack", "a", ["catalog=a,orders=a"], ["a is named more than once"]),
    ("a role twice", "", ["catalog=a,catalog=b"], ["--stack: catalog is named twice"]),
    (
        "a role that it does not play",
        "",
        ["orders=b"],
        ["--stack: b does not play orders; it plays catalog, recommend"],
    ),
    ("a role that nobody has", "", ["till=p"], ["--stack: p does not play till; it plays ping only"]),
    ("orders without a catalog", "", ["orders=a"], ["--stack: orders needs catalog, which nobody plays"]),
    (
        "everything at once",
        "x",
        ["orders=b,catalog=y"],
        [
            "--variants: there is no variant x; there are a, b, p",
            "--stack: b does not play orders; it plays catalog, recommend",
            "--stack: there is no variant y; there are a, b, p",
        ],
    ),
]


@pytest.mark.parametrize(
    ("names", "hybrids", "problems"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
def test_every_problem_is_told(names: str, hybrids: list[str], problems: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        parse_stacks(names, hybrids, MANIFESTS)
    assert list(refused.value.problems) == problems


ENTERS = [
    # case                        stack         needed roles            asked of                missing
    ("any role, a whole variant", A, {"any": ("ping",)}, ["catalog"], []),
    ("any role, ping only", PING, {"any": ("ping",)}, ["ping"], []),
    ("a role that it plays", B, {"recommend": ("recommend",)}, ["recommend"], []),
    ("a role that it does not play", PING, {"catalog": ("getProduct",)}, ["catalog"], ["catalog"]),
]


@pytest.mark.parametrize(("variant", "needed", "asked", "missing"), [c[1:] for c in ENTERS], ids=[c[0] for c in ENTERS])
def test_a_stack_enters_a_scenario_whose_roles_are_played(
    variant: Manifest, needed: dict[str, tuple[str, ...]], asked: list[str], missing: list[str]
) -> None:
    stack = stack_of(variant)
    assert list(stack.asked(needed)) == asked
    assert stack.missing(needed) == missing
