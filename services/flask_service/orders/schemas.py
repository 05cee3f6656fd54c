"""What the orders role's operations take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate
from marshmallow.exceptions import SCHEMA
from shop import idempotency
from shop.orders import OrderStatus

from flask_service.fields import ID, Integer, Object, Once, PageParameters, Parameters, Pattern, Text, TextInteger

LINES_MAX = 20


class OrderLineInput(Object):
    product_id = Integer(required=True, validate=ID)
    quantity = Integer(required=True, validate=validate.Range(min=1, max=100))


class Lines(fields.List[dict[str, Any]]):
    """One to LINES_MAX lines with different products. Names what is wrong with the list beside its items' mistakes."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        lines: list[Any] = []
        seen: set[int] = set()
        messages: dict[str | int, Any] = {}
        for position, item in enumerate(value):
            try:
                line: Any = self.inner.deserialize(item, **kwargs)
            except ValidationError as error:
                messages[position] = error.messages
                continue
            if line["product_id"] in seen:
                messages[position] = {"product_id": ["Another line has this product"]}
            seen.add(line["product_id"])
            lines.append(line)
        if not 1 <= len(value) <= LINES_MAX:
            messages[SCHEMA] = [f"Has 1 to {LINES_MAX} lines"]
        if messages:
            raise ValidationError(messages)
        return lines


class OrderInput(Object):
    lines = Lines(fields.Nested(OrderLineInput), required=True)

    @post_load
    def as_pairs(self, data: dict[str, Any], **_: Any) -> list[tuple[int, int]]:
        """(product id, quantity) of each line, as sent."""
        return [(line["product_id"], line["quantity"]) for line in data["lines"]]


class TransitionInput(Object):
    to = fields.Enum(OrderStatus, by_value=True, required=True)


class StockInput(Object):
    quantity = Integer(required=True, validate=validate.Range(min=0, max=1_000_000))


class OrderPath(Parameters):
    order_id = TextInteger(required=True, validate=ID)


class StockPath(Parameters):
    product_id = TextInteger(required=True, validate=ID)


class OrderQuery(PageParameters):
    status = Once(fields.Enum(OrderStatus, by_value=True))


class OrderHeaders(Parameters):
    idempotency_key = Text(data_key="Idempotency-Key", required=True, validate=Pattern(idempotency.KEY))


class StreamHeaders(Parameters):
    last_event_id = TextInteger(data_key="Last-Event-ID", load_default=0, validate=ID)


class ListOrders(Object):
    query = fields.Nested(OrderQuery)


class PlaceOrder(Object):
    header = fields.Nested(OrderHeaders)
    body = fields.Nested(OrderInput, required=True)


class MoveOrder(Object):
    path = fields.Nested(OrderPath)
    body = fields.Nested(TransitionInput, required=True)


class SetStock(Object):
    path = fields.Nested(StockPath)
    body = fields.Nested(StockInput, required=True)


class StreamOrder(Object):
    path = fields.Nested(OrderPath)
    header = fields.Nested(StreamHeaders)
