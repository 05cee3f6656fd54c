"""What orders take and give, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError
from shop import cursor
from shop.orders import OrderStatus, PricedLine
from typing_extensions import TypedDict

from fastapi_service.fields import Id, Input, Moment, Price, Total, in_json, output
from fastapi_service.models import Order, OrderLine

Line = OrderLine | PricedLine


class OrderLineInput(Input):
    product_id: Id
    quantity: Annotated[int, Field(ge=1, le=100), in_json]


def _each_product_once(lines: list[OrderLineInput]) -> list[OrderLineInput]:
    seen: set[int] = set()
    errors: list[InitErrorDetails] = []
    for position, line in enumerate(lines):
        if line.product_id in seen:
            error = PydanticCustomError("repeated", "Another line has this product")
            errors.append(InitErrorDetails(type=error, loc=(position, "product_id"), input=line.product_id))
        seen.add(line.product_id)
    if errors:
        raise ValidationError.from_exception_data("lines", errors)
    return lines


class OrderInput(Input):
    lines: Annotated[list[OrderLineInput], Field(min_length=1, max_length=20), AfterValidator(_each_product_once)]

    def pairs(self) -> list[tuple[int, int]]:
        """(product id, quantity) of each line, in the order sent."""
        return [(line.product_id, line.quantity) for line in self.lines]


class Transition(Input):
    to: OrderStatus


class StockInput(Input):
    quantity: Annotated[int, Field(ge=0, le=1_000_000), in_json]


@output
class StockOutput(TypedDict):
    product_id: Id
    quantity: Annotated[int, Field(ge=0)]


@output
class OrderLineOutput(TypedDict):
    product_id: Id
    name: str
    quantity: Annotated[int, Field(ge=1, le=100)]
    unit_price: Price


@output
class OrderOutput(TypedDict):
    id: Id
    status: OrderStatus
    lines: Annotated[list[OrderLineOutput], Field(min_length=1, max_length=20)]
    total: Total
    created_at: Moment
    updated_at: Moment


@output
class OrderPage(TypedDict):
    items: Annotated[list[OrderOutput], Field(max_length=100)]
    next_cursor: str | None


stock_json = TypeAdapter(StockOutput).dump_json
order_json = TypeAdapter(OrderOutput).dump_json
page_json = TypeAdapter(OrderPage).dump_json


def order_output(order: Order, lines: Sequence[Line]) -> OrderOutput:
    return {
        "id": order.id,
        "status": OrderStatus(order.status),
        "lines": [
            {
                "product_id": line.product_id,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price": {"amount_minor": line.unit_price_minor, "currency": line.currency},
            }
            for line in lines
        ],
        "total": {"amount_minor": order.total_minor, "currency": order.currency},
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


def first_result(order: Order, lines: Sequence[Line]) -> OrderOutput:
    """The order as it was when it was placed, whatever became of it since."""
    return {**order_output(order, lines), "status": OrderStatus.PLACED, "updated_at": order.created_at}


def order_page(orders: Sequence[Order], lines: Mapping[int, Sequence[Line]], limit: int) -> OrderPage:
    """`orders` has one more than `limit` where another page follows; `lines` are by order id."""
    items = [order_output(order, lines[order.id]) for order in orders[:limit]]
    return {"items": items, "next_cursor": cursor.encode(items[-1]["id"]) if len(orders) > limit else None}
