"""What an expression of PromQL names: series, labels, ranges, functions, variables. Pure.

It reads no more than a lint needs: whether an expression is right at all, Prometheus says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

AGGREGATIONS = frozenset({"sum", "avg", "min", "max", "count", "group", "topk", "bottomk", "quantile", "stddev"})
_GROUPING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS = frozenset({"bool", "offset", "and", "or", "unless"})
_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(
    rf"""(?P<string>{_STRING})
       |(?P<matchers>\{{(?:[^{{}}"]|{_STRING})*\}})
       |(?P<range>\[[^\]]*\])
       |\$\{{?\w+\}}?
       |(?P<name>[A-Za-z_:][\w:]*)
       |\d[\w.]*
       |\S""",
    re.VERBOSE,
)
_MATCHER = re.compile(rf"(\w+)\s*(=~|!~|!=|=)\s*({_STRING})")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True, slots=True)
class Selector:
    """`matched` are the labels that its braces name; `range` is empty where it has none."""

    name: str
    matched: tuple[str, ...] = ()
    range: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """`grouped` are labels of `by`, `on` and their like; `ranges` are all of them, those of subqueries too."""

    selectors: tuple[Selector, ...]
    grouped: tuple[str, ...]
    functions: tuple[str, ...]
    ranges: tuple[str, ...]
    variables: tuple[str, ...]

    @property
    def aggregates(self) -> bool:
        return any(function in AGGREGATIONS for function in self.functions)


def named(expression: str) -> Named:
    tokens = list(_TOKEN.finditer(expression))
    selectors, grouped, functions, ranges = [], [], [], []
    position = 0
    while position < len(tokens):
        token, after = tokens[position], _text(tokens, position + 1)
        position += 1
        if token["range"]:
            ranges.append(token["range"][1:-1])
        elif not (word := token["name"]) or word in _WORDS:
            continue
        elif word in _GROUPING:
            while after == "(" and tokens[position][0] != ")":
                position += 1
                grouped += [tokens[position]["name"]] if tokens[position]["name"] else []
        elif after == "(" or word in AGGREGATIONS:
            functions.append(word)
        else:
            matchers = after if after.startswith("{") else ""
            following = _text(tokens, position + 1) if matchers else after
            over = following[1:-1] if following.startswith("[") else ""
            selectors.append(Selector(word, tuple(found[1] for found in _MATCHER.finditer(matchers)), over))
    variables = tuple(dict.fromkeys(_VARIABLE.findall(expression)))
    return Named(tuple(selectors), tuple(grouped), tuple(functions), tuple(ranges), variables)


def _text(tokens: Sequence[re.Match[str]], position: int) -> str:
    return tokens[position][0] if position < len(tokens) else ""
