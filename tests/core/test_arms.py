"""What is measured against each other, and how it is asked for."""

from __future__ import annotations

import pytest

from lab.core.arms import fullest, parse_levels, scaling_problems
from lab.core.autoscaling import Autoscaler
from lab.core.telemetry import Telemetry
from lab.errors import InputError
from tests.core.made import arms_of

ASKED: list[tuple[str, str | None, str | None, list[str]]] = [
    # case                     --factor                          --telemetry   levels
    ("neither", None, None, ["metrics"]),
    ("the same for all", None, "official-5", ["official-5"]),
    ("all traced", None, "official", ["official-100"]),
    ("a factor", "telemetry=off,metrics", None, ["off", "metrics"]),
    ("official is both", "telemetry=off,official", None, ["off", "official-5", "official-100"]),
    ("official alone", "telemetry=official", None, ["official-5", "official-100"]),
    ("blanks", "telemetry = off , official-20", None, ["off", "official-20"]),
]


@pytest.mark.parametrize(("factor", "telemetry", "names"), [case[1:] for case in ASKED], ids=[c[0] for c in ASKED])
def test_levels_are_those_asked_for(factor: str | None, telemetry: str | None, names: list[str]) -> None:
    assert [level.name for level in parse_levels(factor, telemetry)] == names


WRONG: list[tuple[str, str | None, str | None, list[str]]] = [
    # case                     --factor                          --telemetry   what each problem says
    ("an unknown level", "telemetry=off,on", None, ["--factor: on is none of"]),
    ("an empty level", "telemetry=off,,metrics", None, ["--factor: (empty) is none of"]),
    ("no level", "telemetry", None, ["--factor: (empty) is none of"]),
    ("one level", "telemetry=off", None, ["--factor: off alone has nothing to be compared with"]),
    ("a level twice", "telemetry=off,metrics,off", None, ["--factor: off is named more than once"]),
    (
        "a level twice, by official",
        "telemetry=off,official,official-5,off",
        None,
        ["off is named more than once", "once; official stands for official-5 and official-100"],
    ),
    ("a level twice, without official", "telemetry=official-5,official-5", None, ["named more than once"]),
    ("an unknown factor", "workers=1,2", None, ["there is no factor workers; the only one is telemetry"]),
    ("no factor", "", None, ["there is no factor (empty)"]),
    ("an unknown mode", None, "all", ["--telemetry: all is none of"]),
    (
        "everything at once",
        "telemetry=on,official-200,off,off",
        "none",
        ["exclude each other", "on is none of", "official-200", "off is named more than once", "--telemetry: none is"],
    ),
]


@pytest.mark.parametrize(("factor", "telemetry", "said"), [case[1:] for case in WRONG], ids=[c[0] for c in WRONG])
def test_every_problem_is_told(factor: str | None, telemetry: str | None, said: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        parse_levels(factor, telemetry)
    assert len(refused.value.problems) == len(said)
    assert [text for text, problem in zip(said, refused.value.problems, strict=True) if text not in problem] == []


def levels(*names: str) -> tuple[Telemetry, ...]:
    return tuple(map(Telemetry.parse, names))


SCALED = (Autoscaler.HPA, Autoscaler.NONE)
NAMED: list[tuple[str, tuple[str, ...], tuple[Autoscaler, ...], list[str], list[str]]] = [
    # case               levels        autoscalers       names                                      slugs
    ("one level", ("metrics",), (), ["a", "b"], ["a", "b"]),
    ("a factor", ("off", "official-5"), (), ["a, off", "a, official-5", "b, off", "b, official-5"], ["a.off"]),
    ("autoscalers", ("metrics",), SCALED, ["a, hpa", "a, none", "b, hpa", "b, none"], ["a.hpa", "a.none"]),
]


@pytest.mark.parametrize(
    ("named", "autoscalers", "names", "slugs"), [case[1:] for case in NAMED], ids=[case[0] for case in NAMED]
)
def test_every_stack_meets_every_level(
    named: tuple[str, ...], autoscalers: tuple[Autoscaler, ...], names: list[str], slugs: list[str]
) -> None:
    made = arms_of("a", "b", levels=levels(*named), autoscalers=autoscalers)
    assert [arm.name for arm in made] == names
    assert [arm.slug for arm in made][: len(slugs)] == slugs


FULLEST = [
    (("off",), "off"),
    (("off", "metrics"), "metrics"),
    (("official-5", "off"), "official-100"),
    (("official-5", "official-100", "off"), "official-100"),
]


@pytest.mark.parametrize(("named", "name"), FULLEST)
def test_what_tells_most_does_so_of_every_request(named: tuple[str, ...], name: str) -> None:
    assert fullest(levels(*named)).name == name


UNFIT: list[tuple[str, tuple[Autoscaler, ...], tuple[str, ...], list[str]]] = [
    # case                       autoscalers              levels                problems
    ("metrics", tuple(Autoscaler), ("metrics",), []),
    ("no metrics for ours", tuple(Autoscaler), ("off",), ["--telemetry: httpautoscaler decides by metrics"]),
    ("no metrics for others", SCALED, ("off",), []),
    ("two factors", SCALED, ("off", "metrics"), ["--factor: autoscalers are what is compared"]),
]


@pytest.mark.parametrize(
    ("autoscalers", "named", "said"), [case[1:] for case in UNFIT], ids=[case[0] for case in UNFIT]
)
def test_autoscalers_have_one_telemetry_that_suffices(
    autoscalers: tuple[Autoscaler, ...], named: tuple[str, ...], said: list[str]
) -> None:
    found = scaling_problems(autoscalers, levels(*named))
    assert [problem.startswith(text) for problem, text in zip(found, said, strict=True)] == [True] * len(said)
