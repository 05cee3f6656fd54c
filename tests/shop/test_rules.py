"""The shop's pure rules, case by case."""

from __future__ import annotations

import pytest
from shop import cursor, documents, idempotency, orders, seed
from shop.orders import Offer, OrderStatus


@pytest.mark.parametrize("last_id", [1, 20, 9_999, 2**63 - 1])
def test_a_cursor_gives_back_the_id_it_was_made_from(last_id: int) -> None:
    assert cursor.decode(cursor.encode(last_id)) == last_id


FORGED = [
    ("empty", ""),
    ("not base64", "a"),
    ("beyond ASCII", "ü"),
    ("other version", "Mjox"),
    ("zero", cursor.encode(0)),
    ("negative", cursor.encode(-1)),
    ("above int64", cursor.encode(2**63)),
    ("padded", cursor.encode(20) + "="),
    ("not its only spelling", cursor.encode(1)[:-1] + "R"),
]


@pytest.mark.parametrize("forged", [case[1] for case in FORGED], ids=[case[0] for case in FORGED])
def test_a_cursor_that_no_page_gave_is_refused(forged: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        cursor.decode(forged)


MALFORMED = [
    ("nothing", b"", "line 1 column 1"),
    ("cut off", b'{"a":', "line 1 column 6"),
    ("not a number", b"[NaN]", "NaN is not JSON"),
    ("infinite", b"[-Infinity]", "-Infinity is not JSON"),
    ("not UTF-8", b'"\xff"', "byte 1"),
    ("nested beyond reason", b"[" * 60_000, "nested too deeply"),
    ("digits beyond reason", b"1" * 5_000, "too many digits"),
]


@pytest.mark.parametrize(("body", "why"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED])
def test_what_is_not_json_is_refused_with_the_place(body: bytes, why: str) -> None:
    with pytest.raises(documents.MalformedJSON, match=why):
        documents.parse(body)


@pytest.mark.parametrize(
    ("path", "pointer"),
    [((), ""), (("lines", 0, "quantity"), "/lines/0/quantity"), (("a/b", "c~d"), "/a~1b/c~0d"), (("\ud800",), "/?")],
)
def test_pointers_escape_as_rfc_6901_says(path: tuple[str | int, ...], pointer: str) -> None:
    assert documents.pointer(*path) == pointer


@pytest.mark.parametrize(("value", "carried"), [("", True), ("naïve ☕ 🫖", True), ("a\x00", False), ("\ud800", False)])
def test_text_is_what_json_and_postgresql_both_carry(value: str, carried: bool) -> None:
    assert documents.is_text(value) is carried


def test_a_fingerprint_tells_contents_apart_and_order_of_lines_counts() -> None:
    contents = [[(1, 2)], [(1, 3)], [(2, 2)], [(1, 2), (2, 2)], [(2, 2), (1, 2)], [(12, 2)]]
    assert len({idempotency.fingerprint(lines) for lines in contents}) == len(contents)
    assert idempotency.fingerprint([(1, 2)]) == idempotency.fingerprint(iter([(1, 2)]))


ALLOWED = {
    (OrderStatus.PLACED, OrderStatus.CONFIRMED),
    (OrderStatus.PLACED, OrderStatus.CANCELLED),
    (OrderStatus.CONFIRMED, OrderStatus.SHIPPED),
    (OrderStatus.CONFIRMED, OrderStatus.CANCELLED),
}


@pytest.mark.parametrize("current", OrderStatus)
@pytest.mark.parametrize("to", OrderStatus)
def test_an_order_moves_only_along_its_life(current: OrderStatus, to: OrderStatus) -> None:
    assert orders.may_move(current, to) is ((current, to) in ALLOWED)


def test_lines_are_priced_as_sent_and_add_up() -> None:
    offers = {7: Offer("lamp", 1_999, "EUR"), 3: Offer("mat", 500, "EUR")}
    lines, total_minor, currency = orders.price([(7, 2), (3, 1)], offers)
    assert [(line.product_id, line.name, line.unit_price_minor) for line in lines] == [
        (7, "lamp", 1_999),
        (3, "mat", 500),
    ]
    assert (total_minor, currency) == (4_498, "EUR")


def test_lines_in_two_currencies_are_refused() -> None:
    with pytest.raises(orders.CurrenciesDiffer, match="EUR, USD"):
        orders.price([(1, 1), (2, 1)], {1: Offer("a", 1, "EUR"), 2: Offer("b", 1, "USD")})


def test_the_seed_is_the_same_every_time() -> None:
    rows = list(seed.products(1_000))
    assert rows == list(seed.products(1_000))
    assert len({row[1] for row in rows}) == 1_000
    assert {row[4] for row in rows} == set(seed.CATEGORIES)
