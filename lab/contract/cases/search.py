"""Full-text search: PostgreSQL's `simple` configuration over name and description, every word must occur."""

from __future__ import annotations

from collections.abc import Iterable

from lab.contract.cases.case import Case, case
from lab.contract.document import Contract
from lab.contract.probe import Probe

_WORDLESS = ("!!!", "...", " ", "&", "|", "'", '"', "()", "<->", ":*", "\\", "%", "-", "\U0001f331")


def cases(contract: Contract, role: str) -> Iterable[Case]:
    if role != "catalog":
        return
    yield case("q finds products that hold every word", "listProducts createProduct", _every_word)
    yield case("q has no operators", "listProducts createProduct", _operators)
    yield case("q is taken to its edges", "listProducts", _edges)
    yield case("q without a word finds nothing", "listProducts", _wordless)
    yield case("q goes with category and pages", "listProducts createProduct", _with_the_rest)
    yield case("q sees a product as it was replaced", "listProducts createProduct replaceProduct", _replaced)


def _finds(probe: Probe, q: str, wanted: bool, product_id: int, **query: object) -> None:
    answer = probe.succeed(probe.setting.request("listProducts", query={"q": q, **query}))
    found = any(item["id"] == product_id for item in answer.document["items"])
    probe.expect(found == wanted, answer, f"{'' if wanted else 'not '}to find product {product_id} by {q!r}")


def _every_word(probe: Probe) -> None:
    one, two, three = probe.ids.word(), probe.ids.word(), probe.ids.word()
    product = probe.created(name=f"Sturdy {one.upper()} lamps", description=f"The {two}, of ÖLKANNE {three}.")
    rows = {
        one: True,
        two: True,
        one.upper(): True,
        f"{one} {two}": True,
        f"{three} {one}": True,
        f"  {one}\t{two}  ": True,
        f"{one}, {two}!": True,
        f"{one} lamps": True,
        f"{one} lamp": False,
        f"{one} the": True,
        f"{one} a": False,
        f"{one} ÖLKANNE": True,
        one[:-1]: False,
        f"{one}x": False,
        f"{one} {probe.ids.word()}": False,
    }
    for q, wanted in rows.items():
        _finds(probe, q, wanted, product["id"])


def _operators(probe: Probe) -> None:
    one, two = probe.ids.word(), probe.ids.word()
    product = probe.created(name=f"{one} between {two}")
    rows = {
        f"{one} | {probe.ids.word()}": False,
        f"{one} or {probe.ids.word()}": False,
        f"{one} or {two}": False,
        f"{one} & {two}": True,
        f"{two} <-> {one}": True,
        f'"{one} {two}"': True,
        f"{one} -{two}": True,
        f"{one} !{two}": True,
        f"({one}": True,
        f"{one}:*": True,
        f"{one[:-1]}:*": False,
        f"{one}'": True,
        f"{one}\\": True,
        f"{one} %": True,
    }
    for q, wanted in rows.items():
        _finds(probe, q, wanted, product["id"])


def _edges(probe: Probe) -> None:
    for q in (
        "x" * 100,
        "\U0001f331" * 100,
        "\n",
        "a\x01b",
        "%s",
        "'; DROP TABLE product; --",
        "a" * 49 + " " + "b" * 50,
    ):
        probe.succeed(probe.setting.request("listProducts", query={"q": q}))


def _wordless(probe: Probe) -> None:
    for q in _WORDLESS:
        answer = probe.succeed(probe.setting.request("listProducts", query={"q": q}))
        probe.expect(answer.document == {"items": [], "next_cursor": None}, answer, "no item, no next_cursor")


def _with_the_rest(probe: Probe) -> None:
    word, category = probe.ids.word(), probe.ids.word()
    wanted = [probe.created(name=f"{word} {number}", category=category) for number in range(5)]
    probe.created(name=word, category=f"{category}-other")
    probe.created(category=category)
    items = probe.pages("listProducts", q=word, category=category, limit=2)
    answer = probe.send(probe.setting.request("listProducts", query={"q": word, "category": category, "limit": 2}))
    probe.expect(items == wanted, answer, f"ids {[item['id'] for item in wanted]}", [item["id"] for item in items])


def _replaced(probe: Probe) -> None:
    before, after = probe.ids.word(), probe.ids.word()
    product = probe.created(name=before)
    body = probe.product(name="Plain", description=f"Now {after}")
    probe.document("replaceProduct", path={"product_id": product["id"]}, body=body)
    _finds(probe, before, False, product["id"])
    _finds(probe, after, True, product["id"])
