"""The shop's things as the contract's JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from shop.orders import OrderStatus, PricedLine

from flask_service.catalog.models import Product
from flask_service.orders.models import Order, OrderLine


def product_document(product: Product) -> dict[str, Any]:
    return {
        "id": product.id,
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "category": product.category,
        "price": _money(product.price_minor, product.currency),
        "created_at": _timestamp(product.created_at),
        "updated_at": _timestamp(product.updated_at),
    }


def order_document(order: Order) -> dict[str, Any]:
    return _order_document(order, order.lines, order.status, order.updated_at)


def placed_document(order: Order, lines: Sequence[PricedLine | OrderLine]) -> dict[str, Any]:
    """The order as it was when it was placed, whatever became of it since."""
    return _order_document(order, lines, OrderStatus.PLACED, order.created_at)


def _order_document(
    order: Order, lines: Sequence[PricedLine | OrderLine], status: OrderStatus, updated_at: datetime
) -> dict[str, Any]:
    return {
        "id": order.id,
        "status": status,
        "lines": [
            {
                "product_id": line.product_id,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price": _money(line.unit_price_minor, line.currency),
            }
            for line in lines
        ],
        "total": _money(order.total_minor, order.currency),
        "created_at": _timestamp(order.created_at),
        "updated_at": _timestamp(updated_at),
    }


def _money(amount_minor: int, currency: str) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": currency}


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
