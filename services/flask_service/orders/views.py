"""The operations of the orders role."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue
from shop import cursor
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import selectinload

from flask_service.documents import order_document, placed_document
from flask_service.extensions import auth, database
from flask_service.inputs import header, json_body, load, path_id, query_parameters
from flask_service.orders import placement, streaming
from flask_service.orders.models import Order, Stock
from flask_service.orders.schemas import ListOrders, MoveOrder, PlaceOrder, SetStock, StreamOrder

blueprint = Blueprint("orders", __name__)

LIST_ORDERS = ListOrders()
PLACE_ORDER = PlaceOrder()
MOVE_ORDER = MoveOrder()
SET_STOCK = SetStock()
STREAM_ORDER = StreamOrder()

WITH_LINES = select(Order).options(selectinload(Order.lines))
BY_ID = WITH_LINES.where(Order.id == bindparam("order_id"))


@blueprint.get("/orders")
def list_orders() -> ResponseReturnValue:
    query = load(LIST_ORDERS, query=query_parameters())["query"]
    limit = query["limit"]
    page = WITH_LINES.order_by(Order.id.desc()).limit(limit + 1)
    if query["cursor"] is not None:
        page = page.where(Order.id < query["cursor"])
    if query["status"] is not None:
        page = page.where(Order.status == query["status"])
    with database.autocommit() as session:
        found = session.scalars(page).all()
    return {
        "items": [order_document(order) for order in found[:limit]],
        "next_cursor": cursor.encode(found[limit - 1].id) if len(found) > limit else None,
    }


@blueprint.post("/orders")
@auth.requires("orders:write")
def place_order() -> ResponseReturnValue:
    given = load(PLACE_ORDER, header=header("Idempotency-Key"), body=json_body())
    order, lines, replayed = placement.place(given["header"]["idempotency_key"], given["body"])
    answer_headers = {"Location": f"/orders/{order.id}"}
    if replayed:
        answer_headers["Idempotency-Replayed"] = "true"
    return placed_document(order, lines), 201, answer_headers


@blueprint.get("/orders/<order_id>")
def get_order(order_id: str) -> ResponseReturnValue:
    wanted = path_id("order_id", order_id)
    with database.autocommit() as session:
        order = session.scalars(BY_ID, {"order_id": wanted}).one_or_none()
    if order is None:
        raise placement.not_found(wanted)
    return order_document(order)


@blueprint.post("/orders/<order_id>/transitions")
@auth.requires("orders:write")
def move_order(order_id: str) -> ResponseReturnValue:
    given = load(MOVE_ORDER, path={"order_id": order_id}, body=json_body())
    return order_document(placement.move(given["path"]["order_id"], given["body"]["to"]))


@blueprint.get("/orders/<order_id>/events")
def stream_order(order_id: str) -> ResponseReturnValue:
    given = load(STREAM_ORDER, path={"order_id": order_id}, header=header("Last-Event-ID"))
    return streaming.answer(given["path"]["order_id"], given["header"]["last_event_id"])


@blueprint.put("/stock/<product_id>")
@auth.requires("stock:write")
def set_stock(product_id: str) -> ResponseReturnValue:
    given = load(SET_STOCK, path={"product_id": product_id}, body=json_body())
    stock = {"product_id": given["path"]["product_id"], "quantity": given["body"]["quantity"]}
    known_or_not = insert(Stock).values(stock).on_conflict_do_update(index_elements=[Stock.product_id], set_=stock)
    with database.autocommit() as session:
        session.execute(known_or_not)
    return stock
