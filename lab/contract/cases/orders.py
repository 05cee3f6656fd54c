"""Reading, listing and moving orders on, and setting stock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from lab.contract.cases.case import Case, case
from lab.contract.document import Contract
from lab.contract.probe import Probe

_MISSING_ID = 2**63 - 1
STATES = ("placed", "confirmed", "shipped", "cancelled")
_WAY_TO = {"placed": (), "confirmed": ("confirmed",), "shipped": ("confirmed", "shipped"), "cancelled": ("cancelled",)}
_ALLOWED = {
    ("placed", "confirmed"),
    ("placed", "cancelled"),
    ("confirmed", "shipped"),
    ("confirmed", "cancelled"),
}


def cases(contract: Contract, role: str) -> Iterable[Case]:
    if role != "orders":
        return
    yield case("an order that does not exist is 404", "getOrder", _missing)
    yield case("orders are listed newest first, with their lines", "listOrders placeOrder getOrder", _newest_first)
    yield case("a page has 20 items, or as many as asked for", "listOrders placeOrder", _page_sizes)
    yield case("the last page has no next_cursor", "listOrders placeOrder moveOrder", _last_page)
    yield case("orders placed meanwhile repeat and hide nothing", "listOrders placeOrder", _placed_meanwhile)
    yield case("status filters", "listOrders placeOrder moveOrder", _filtered)
    yield case("exactly the documented moves are possible", "moveOrder placeOrder getOrder", _moves)
    yield case("an order that does not exist is 404", "moveOrder", _moves_nothing)
    yield case("a cancelled order gives its stock back", "moveOrder placeOrder setStock", _gives_back)
    yield case("a refused move gives no stock back", "moveOrder placeOrder setStock", _gives_nothing_back)
    yield case("stock is set, known before or not", "setStock", _sets_stock)
    yield case("stock is replaced, not added to", "setStock placeOrder", _replaces_stock)


def _missing(probe: Probe) -> None:
    probe.refused(probe.setting.request("getOrder", path={"order_id": _MISSING_ID}), "not-found")


def _ids(items: Iterable[Any]) -> list[int]:
    return [item["id"] for item in items]


def _newest_first(probe: Probe) -> None:
    """Other cases may place orders meanwhile; they come before."""
    placed = [probe.placed((1, number), (2, 1)) for number in range(1, 6)]
    answer = probe.succeed(probe.setting.request("listOrders", query={"limit": 100}))
    listed = {item["id"]: item for item in answer.document["items"]}
    ids = _ids(answer.document["items"])
    probe.expect(ids == sorted(set(ids), reverse=True), answer, "ids in descending order", ids)
    for order in placed:
        probe.expect(listed.get(order["id"]) == order, answer, f"order {order}", listed.get(order["id"]))
    newest = ids[0] if ids else 0
    probe.expect(newest >= placed[-1]["id"], answer, f"order {placed[-1]['id']} or a newer one first", newest)


def _page_sizes(probe: Probe) -> None:
    for _ in range(21):
        probe.placed()
    for query, length in (("", 20), ("limit=1", 1), ("limit=3.0", 3), ("limit=21&unknown=1", 21)):
        answer = probe.succeed(probe.setting.request("listOrders", query=query))
        found = len(answer.document["items"])
        probe.expect(found == length, answer, f"{length} items", f"{found} items")
        probe.expect(answer.document["next_cursor"] is not None or length == 21, answer, "a next_cursor")


def _last_page(probe: Probe) -> None:
    for _ in range(3):
        probe.succeed(probe.move(probe.placed()["id"], "cancelled"))
    for status in ("shipped", "cancelled"):
        items = probe.pages("listOrders", limit=100, status=status)
        answer = probe.send(probe.setting.request("listOrders", query={"limit": 100, "status": status}))
        ids = _ids(items)
        probe.expect(ids == sorted(set(ids), reverse=True), answer, "each order once, newest first, on all pages", ids)


def _placed_meanwhile(probe: Probe) -> None:
    placed = [probe.placed() for _ in range(6)]
    seen: list[int] = []
    query: dict[str, object] = {"limit": 2}
    while not seen or seen[-1] > placed[0]["id"]:
        answer = probe.succeed(probe.setting.request("listOrders", query=query))
        ids = _ids(answer.document["items"])
        probe.require(bool(ids) and (not seen or ids[0] < seen[-1]), answer, "orders older than those before", ids)
        seen += ids
        probe.placed()
        query["cursor"] = answer.document["next_cursor"] or "none"
    probe.expect(set(_ids(placed)) <= set(seen), answer, f"every order of {_ids(placed)}", seen)


def _filtered(probe: Probe) -> None:
    mine = {state: probe.placed() for state in STATES}
    for state, order in mine.items():
        for to in _WAY_TO[state]:
            probe.succeed(probe.move(order["id"], to))
    for state, order in mine.items():
        answer = probe.succeed(probe.setting.request("listOrders", query={"status": state, "limit": 100}))
        states = {item["status"] for item in answer.document["items"]}
        probe.expect(states == {state}, answer, f"only orders that are {state}", sorted(states))
        probe.expect(order["id"] in _ids(answer.document["items"]), answer, f"order {order['id']}, which is {state}")


def _in_state(probe: Probe, state: str) -> Any:
    order = probe.placed()
    for to in _WAY_TO[state]:
        order = probe.succeed(probe.move(order["id"], to)).document
    return order


def _moves(probe: Probe) -> None:
    for state in STATES:
        order = _in_state(probe, state)
        for to in STATES:
            with probe.about(f"{state} to {to}"):
                if (state, to) in _ALLOWED:
                    _moved(probe, _in_state(probe, state), to)
                else:
                    probe.refused(probe.move(order["id"], to), "transition-refused")
        read = probe.succeed(probe.setting.request("getOrder", path={"order_id": order["id"]}))
        probe.expect(read.document == order, read, f"the order as it was before refused moves: {order}")


def _moved(probe: Probe, before: Any, to: str) -> None:
    answer = probe.succeed(probe.move(before["id"], to))
    after = answer.document
    unchanged = {name: value for name, value in before.items() if name not in ("status", "updated_at")}
    kept = {name: value for name, value in after.items() if name not in ("status", "updated_at")}
    probe.expect(after["status"] == to, answer, f"status {to}")
    probe.expect(kept == unchanged, answer, f"everything else as it was: {unchanged}")
    later = datetime.fromisoformat(after["updated_at"]) > datetime.fromisoformat(before["updated_at"])
    probe.expect(later, answer, f"updated_at after {before['updated_at']}")
    read = probe.succeed(probe.setting.request("getOrder", path={"order_id": before["id"]}))
    probe.expect(read.document == after, read, f"what the move answered: {after}")


def _moves_nothing(probe: Probe) -> None:
    probe.refused(probe.move(_MISSING_ID, "confirmed"), "not-found")


def _gives_back(probe: Probe) -> None:
    one, other = probe.orderable(3), probe.orderable(1)
    for way in (("cancelled",), ("confirmed", "cancelled")):
        order = probe.placed((one, 3), (other, 1))
        probe.refused(probe.order((one, 1)), "out-of-stock")
        for to in way:
            probe.succeed(probe.move(order["id"], to))
    probe.placed((one, 3), (other, 1))
    probe.refused(probe.order((one, 1)), "out-of-stock")
    probe.refused(probe.order((other, 1)), "out-of-stock")


def _gives_nothing_back(probe: Probe) -> None:
    product_id = probe.orderable(1)
    order = probe.placed((product_id, 1))
    for to in ("confirmed", "shipped"):
        probe.succeed(probe.move(order["id"], to))
    probe.refused(probe.move(order["id"], "cancelled"), "transition-refused")
    probe.refused(probe.order((product_id, 1)), "out-of-stock")
    other = probe.orderable(2)
    order = probe.placed((other, 2))
    probe.succeed(probe.move(order["id"], "cancelled"))
    probe.refused(probe.move(order["id"], "cancelled"), "transition-refused")
    probe.placed((other, 2))
    probe.refused(probe.order((other, 1)), "out-of-stock")


def _sets_stock(probe: Probe) -> None:
    product_id = probe.ids.product()
    for content, quantity in ((b"0", 0), (b"1000000", 1_000_000), (b"7.0", 7), (b"7", 7)):
        request = probe.setting.request(
            "setStock", path={"product_id": product_id}, content=b'{"quantity": %s}' % content
        )
        answer = probe.succeed(request)
        wanted = {"product_id": product_id, "quantity": quantity}
        probe.expect(answer.document == wanted, answer, str(wanted))


def _replaces_stock(probe: Probe) -> None:
    product_id = probe.orderable(5)
    probe.placed((product_id, 2))
    probe.document("setStock", path={"product_id": product_id}, body={"quantity": 2})
    probe.refused(probe.order((product_id, 3)), "out-of-stock")
    probe.placed((product_id, 2))
