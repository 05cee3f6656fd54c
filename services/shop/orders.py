"""What an order may become and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class OrderStatus(StrEnum):
    PLACED = "placed"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


_NEXT: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PLACED: frozenset({OrderStatus.CONFIRMED, OrderStatus.CANCELLED}),
    OrderStatus.CONFIRMED: frozenset({OrderStatus.SHIPPED, OrderStatus.CANCELLED}),
    OrderStatus.SHIPPED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}


def is_final(status: OrderStatus) -> bool:
    return not _NEXT[status]


def may_move(current: OrderStatus, to: OrderStatus) -> bool:
    return to in _NEXT[current]


def gives_stock_back(to: OrderStatus) -> bool:
    return to is OrderStatus.CANCELLED


@dataclass(frozen=True, slots=True)
class Offer:
    """What the catalog says of a product now."""

    name: str
    price_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class PricedLine:
    product_id: int
    name: str
    quantity: int
    unit_price_minor: int
    currency: str


class CurrenciesDiffer(ValueError):
    """The lines of one order are priced in several currencies."""


def price(lines: Sequence[tuple[int, int]], offers: Mapping[int, Offer]) -> tuple[list[PricedLine], int, str]:
    """The priced lines in the order sent, their total in minor units, and its currency.

    `lines` are (product id, quantity); `offers` has every product of them. Raises CurrenciesDiffer.
    """
    priced = [
        PricedLine(
            product_id=product_id,
            name=offers[product_id].name,
            quantity=quantity,
            unit_price_minor=offers[product_id].price_minor,
            currency=offers[product_id].currency,
        )
        for product_id, quantity in lines
    ]
    currencies = {line.currency for line in priced}
    if len(currencies) != 1:
        raise CurrenciesDiffer(f"lines are priced in {', '.join(sorted(currencies))}")
    return priced, sum(line.unit_price_minor * line.quantity for line in priced), priced[0].currency
