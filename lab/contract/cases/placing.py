"""Placing an order: prices, total, stock, refusals, and what Idempotency-Key makes safe."""

from __future__ import annotations

from collections.abc import Iterable

from shop import seed

from lab.contract.cases.case import Case, Needs, case
from lab.contract.client import Answer, Request
from lab.contract.document import Contract
from lab.contract.fake_catalog import Product
from lab.contract.probe import Probe

_CATALOG = Needs.FAKE_CATALOG


def cases(contract: Contract, role: str) -> Iterable[Case]:
    if role != "orders":
        return
    yield case("an order comes back as it was placed", "placeOrder getOrder", _comes_back)
    yield case("name and price are the catalog's", "placeOrder", _priced, needs=_CATALOG)
    yield case("prices and quantities to the schema's edges are summed", "placeOrder setStock", _edges, needs=_CATALOG)
    yield case("later prices change nothing", "placeOrder getOrder setStock", _copied, needs=_CATALOG)
    yield case("2.0 is 2", "placeOrder", _zero_fraction)
    yield case("stock is lowered by what was ordered", "placeOrder setStock", _lowers_stock)
    yield case("a refused line lowers no stock", "placeOrder setStock", _all_or_nothing)
    yield case("a product without stock is refused", "placeOrder", _no_stock, needs=_CATALOG)
    yield case("a product that the catalog does not have is refused", "placeOrder", _unknown_product, needs=_CATALOG)
    yield case("currencies that differ are refused", "placeOrder setStock", _currencies, needs=_CATALOG)
    yield case("a key used again answers the first result", "placeOrder", _replay)
    yield case("a key used again lowers stock once", "placeOrder setStock", _replay_stock)
    yield case("a key used again answers the first result after a move", "placeOrder moveOrder", _replay_moved)
    yield case("content is compared after validation", "placeOrder", _same_content)
    yield case("a key used for another content is refused", "placeOrder", _reused)
    yield case("a refused request leaves its key unused", "placeOrder setStock", _unused_key)


def replayed(answer: Answer) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


def _comes_back(probe: Probe) -> None:
    lines = ((3, 2), (1, 1), (2, 100))
    answer = probe.succeed(probe.order(*lines), 201)
    order = answer.document
    found = tuple((line["product_id"], line["quantity"]) for line in order["lines"])
    probe.expect(found == lines, answer, f"lines as they were sent: {lines}")
    probe.expect(order["status"] == "placed", answer, "status placed")
    total = sum(line["quantity"] * line["unit_price"]["amount_minor"] for line in order["lines"])
    probe.expect(order["total"]["amount_minor"] == total, answer, f"a total of {total}")
    location = answer.headers.get("location", "")
    probe.expect(location == f"/orders/{order['id']}", answer, f"Location: /orders/{order['id']}", location)
    probe.expect("idempotency-replayed" not in answer.headers, answer, "no Idempotency-Replayed on a first result")
    read = probe.succeed(probe.setting.request("getOrder", path={"order_id": order["id"]}))
    probe.expect(read.document == order, read, f"what the placement answered: {order}")


def _priced(probe: Probe) -> None:
    rows = {row[0]: row for row in seed.products(20)}
    answer = probe.succeed(probe.order(*((product_id, 2) for product_id in reversed(rows))), 201)
    for line in answer.document["lines"]:
        row = rows[line["product_id"]]
        price = {"amount_minor": row[5], "currency": row[6]}
        wanted = {"product_id": row[0], "name": row[2], "quantity": 2, "unit_price": price}
        probe.expect(line == wanted, answer, f"line {wanted}", line)
    total = {"amount_minor": 2 * sum(row[5] for row in rows.values()), "currency": "EUR"}
    probe.expect(answer.document["total"] == total, answer, f"total {total}", answer.document["total"])


def _edges(probe: Probe) -> None:
    name = "\U0001f331" * 200
    dear = probe.orderable(100, Product(name=name, price_minor=1_000_000_000, currency="JPY"))
    free = probe.orderable(1, Product(price_minor=0, currency="JPY"))
    answer = probe.succeed(probe.order((dear, 100), (free, 1)), 201)
    total = {"amount_minor": 100_000_000_000, "currency": "JPY"}
    probe.expect(answer.document["total"] == total, answer, f"total {total}")
    probe.expect(answer.document["lines"][0]["name"] == name, answer, "the catalog's name of 200 code points")


def _copied(probe: Probe) -> None:
    product_id = probe.orderable(1, Product(price_minor=500, name="Before"))
    order = probe.placed((product_id, 1))
    probe.fake_catalog.serve(product_id, Product(price_minor=700, name="After"))
    read = probe.succeed(probe.setting.request("getOrder", path={"order_id": order["id"]}))
    probe.expect(read.document == order, read, f"the order as it was placed: {order}")


def _zero_fraction(probe: Probe) -> None:
    request = probe.setting.request(
        "placeOrder",
        headers={"Idempotency-Key": probe.ids.key()},
        content=b'{"lines": [{"product_id": 4.0, "quantity": 2.0}]}',
    )
    answer = probe.succeed(request, 201)
    line = answer.document["lines"][0]
    probe.expect((line["product_id"], line["quantity"]) == (4, 2), answer, "2 pieces of product 4")


def _lowers_stock(probe: Probe) -> None:
    product_id = probe.orderable(5)
    probe.placed((product_id, 3))
    probe.refused(probe.order((product_id, 3)), "out-of-stock")
    probe.placed((product_id, 2))
    probe.refused(probe.order((product_id, 1)), "out-of-stock")


def _all_or_nothing(probe: Probe) -> None:
    enough, little = probe.orderable(2), probe.orderable(1)
    probe.refused(probe.order((enough, 2), (little, 2)), "out-of-stock")
    probe.refused(probe.order((little, 2), (enough, 2)), "out-of-stock")
    probe.placed((enough, 2), (little, 1))


def _no_stock(probe: Probe) -> None:
    """The catalog has it, the stock does not know it."""
    product_id = probe.ids.product()
    probe.fake_catalog.serve(product_id, Product())
    probe.refused(probe.order((product_id, 1)), "out-of-stock")


def _unknown_product(probe: Probe) -> None:
    probe.refused(probe.order((1, 1), (probe.ids.product(), 1)), "product-unknown")


def _currencies(probe: Probe) -> None:
    euro, dollar = probe.orderable(5), probe.orderable(5, Product(currency="USD"))
    probe.refused(probe.order((euro, 5), (dollar, 5)), "currencies-differ")
    probe.placed((euro, 5))
    probe.placed((dollar, 5))


def _is_replay(probe: Probe, request: Request, first: Answer) -> None:
    answer = probe.succeed(request, 201)
    probe.expect(answer.document == first.document, answer, f"the first result: {first.document}")
    probe.expect(replayed(answer), answer, "Idempotency-Replayed: true", answer.headers)
    same = answer.headers.get("location") == first.headers.get("location")
    probe.expect(same, answer, f"Location: {first.headers.get('location')}", answer.headers.get("location"))


def _replay(probe: Probe) -> None:
    request = probe.order((1, 1), (2, 2))
    first = probe.succeed(request, 201)
    for _ in range(3):
        _is_replay(probe, request, first)


def _replay_stock(probe: Probe) -> None:
    product_id = probe.orderable(3)
    request = probe.order((product_id, 2))
    first = probe.succeed(request, 201)
    _is_replay(probe, request, first)
    probe.placed((product_id, 1))
    _is_replay(probe, request, first)


def _replay_moved(probe: Probe) -> None:
    request = probe.order((1, 1))
    first = probe.succeed(request, 201)
    for to in ("confirmed", "cancelled"):
        probe.succeed(probe.move(first.document["id"], to))
        _is_replay(probe, request, first)


def _same_content(probe: Probe) -> None:
    request = probe.order((1, 2), (2, 1))
    first = probe.succeed(request, 201)
    for content in (
        b'{"lines": [{"quantity": 2, "product_id": 1}, {"quantity": 1, "product_id": 2}]}',
        b'{"lines":[{"product_id":1.0,"quantity":2.0},\n\n{"product_id":2,"quantity":1}]}  ',
    ):
        _is_replay(probe, request.with_body(content), first)


def _reused(probe: Probe) -> None:
    key = probe.ids.key()
    first = probe.order((1, 1), (2, 1), key=key)
    probe.succeed(first, 201)
    for lines in (((2, 1), (1, 1)), ((1, 1), (2, 2)), ((1, 1),), ((1, 1), (2, 1), (3, 1))):
        probe.refused(probe.order(*lines, key=key), "idempotency-key-reused")
    answer = probe.succeed(first, 201)
    probe.expect(replayed(answer), answer, "Idempotency-Replayed: true")


def _unused_key(probe: Probe) -> None:
    product_id, key = probe.orderable(1), probe.ids.key()
    probe.refused(probe.order((product_id, 2), key=key), "out-of-stock")
    probe.refused(probe.order((product_id, 0), key=key), "invalid")
    answer = probe.succeed(probe.order((product_id, 1), key=key), 201)
    probe.expect(not replayed(answer), answer, "a first result, without Idempotency-Replayed", answer.headers)
