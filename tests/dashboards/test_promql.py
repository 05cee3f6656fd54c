"""What of an expression is read: only what a lint has to know."""

from __future__ import annotations

import pytest

from dashboards.promql import Named, Selector, named

NOTHING = Named((), (), (), (), ())

# case, expression, what it names
CASES: list[tuple[str, str, Named]] = [
    ("a number", "1000 * 1e3", NOTHING),
    ("a series", "up", Named((Selector("up"),), (), (), (), ())),
    (
        "matchers, values with braces and words",
        'up{route="/a/{id}", by=~"sum by (x)",role!=""}',
        Named((Selector("up", ("route", "by", "role")),), (), (), (), ()),
    ),
    ("a range", 'rate(a_total{x="1"}[5m])', Named((Selector("a_total", ("x",), "5m"),), (), ("rate",), ("5m",), ())),
    ("a range without matchers", "rate(a[1m])", Named((Selector("a", (), "1m"),), (), ("rate",), ("1m",), ())),
    (
        "grouping before and after",
        "sum by (a, b) (x) / count(y) without (c)",
        Named((Selector("x"), Selector("y")), ("a", "b", "c"), ("sum", "count"), (), ()),
    ),
    (
        "a join, with words of the language",
        "x * on (pod) group_left (role) y > bool 0 or z offset 15s unless w",
        Named((Selector("x"), Selector("y"), Selector("z"), Selector("w")), ("pod", "role"), (), (), ()),
    ),
    ("a join without labels", "x * on () group_left () y", Named((Selector("x"), Selector("y")), (), (), (), ())),
    (
        "variables, in strings, ranges and braces",
        'x{a=~"$one"}[$two:5s] > ${three} + $one',
        Named((Selector("x", ("a",), "$two:5s"),), (), (), ("$two:5s",), ("one", "two", "three")),
    ),
    (
        "a subquery",
        "max_over_time((sum(x))[$__range:15s])",
        Named((Selector("x"),), (), ("max_over_time", "sum"), ("$__range:15s",), ("__range",)),
    ),
    ("time", "time() - x", Named((Selector("x"),), (), ("time",), (), ())),
]


@pytest.mark.parametrize(("expression", "read"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_read(expression: str, read: Named) -> None:
    assert named(expression) == read
