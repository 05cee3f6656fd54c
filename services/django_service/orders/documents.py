"""Orders and stock as the contract's JSON, in both directions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shop.orders import OrderStatus

from django_service.api.fields import ID, ChoiceField, IntegerField, ListField, ObjectField, TextField
from django_service.api.responses import timestamp
from django_service.orders.models import Order, OrderLine
from django_service.orders.prices import LINES_MAX

KEY = TextField(pattern="[A-Za-z0-9_-]{8,64}")
STATUS = ChoiceField(OrderStatus)
LINE = ObjectField({"product_id": ID, "quantity": IntegerField(1, 100)})
ORDER = ObjectField({"lines": ListField(LINE, min_length=1, max_length=LINES_MAX, unique="product_id")})
TRANSITION = ObjectField({"to": STATUS})
STOCK = ObjectField({"quantity": IntegerField(0, 1_000_000)})


def document(order: Order, lines: Iterable[OrderLine]) -> dict[str, Any]:
    """`lines` are the order's, in the order sent."""
    return {
        "id": order.id,
        "status": order.status,
        "lines": [_line(line) for line in lines],
        "total": {"amount_minor": order.total_minor, "currency": order.currency},
        "created_at": timestamp(order.created_at),
        "updated_at": timestamp(order.updated_at),
    }


def first_document(order: Order, lines: Iterable[OrderLine]) -> dict[str, Any]:
    """The order as it was answered when it was placed, whatever became of it since."""
    return {**document(order, lines), "status": OrderStatus.PLACED, "updated_at": timestamp(order.created_at)}


def _line(line: OrderLine) -> dict[str, Any]:
    return {
        "product_id": line.product_id,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": {"amount_minor": line.unit_price_minor, "currency": line.currency},
    }
