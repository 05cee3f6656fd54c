"""What orders take and give, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError
from shop import cursor
from shop.orders import OrderStatus, PricedLine

from fastapi_service.fields import Amount, Id, Input, Integer, Output
from fastapi_service.models import Order, OrderLine

Line = OrderLine | PricedLine


class OrderLineInput(Input):
    product_id: Id
    quantity: Annotated[Integer, Field(ge=1, le=100)]


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
    quantity: Annotated[Integer, Field(ge=0, le=1_000_000)]


class StockOutput(Output):
    product_id: int
    quantity: int


class OrderLineOutput(Output):
    product_id: int
    name: str
    quantity: int
    unit_price: Amount

    @classmethod
    def of(cls, line: Line) -> OrderLineOutput:
        return cls(
            product_id=line.product_id,
            name=line.name,
            quantity=line.quantity,
            unit_price=Amount(amount_minor=line.unit_price_minor, currency=line.currency),
        )


class OrderOutput(Output):
    id: int
    status: OrderStatus
    lines: list[OrderLineOutput]
    total: Amount
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: Order, lines: Sequence[Line]) -> OrderOutput:
        return cls(
            id=order.id,
            status=OrderStatus(order.status),
            lines=[OrderLineOutput.of(line) for line in lines],
            total=Amount(amount_minor=order.total_minor, currency=order.currency),
            created_at=order.created_at,
            updated_at=order.updated_at,
        )

    @classmethod
    def first_result_of(cls, order: Order) -> OrderOutput:
        """The order as it was when it was placed, whatever became of it since."""
        return cls.of(order, order.lines).model_copy(
            update={"status": OrderStatus.PLACED, "updated_at": order.created_at}
        )


class OrderPage(Output):
    items: list[OrderOutput]
    next_cursor: str | None

    @classmethod
    def of(cls, orders: Sequence[Order], limit: int) -> OrderPage:
        """`orders` has one more than `limit` where another page follows."""
        items = [OrderOutput.of(order, order.lines) for order in orders[:limit]]
        return cls(items=items, next_cursor=cursor.encode(items[-1].id) if len(orders) > limit else None)
