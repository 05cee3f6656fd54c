"""Placing an order and moving it on: each one transaction."""

from __future__ import annotations

from django.db import IntegrityError, connection, transaction
from django.shortcuts import get_object_or_404
from shop.idempotency import fingerprint
from shop.orders import CurrenciesDiffer, OrderStatus, PricedLine, gives_stock_back, may_move, price
from shop.problems import Problem
from shop.streams import CHANNEL

from django_service.api.database import violates
from django_service.orders.models import Order, OrderEvent, OrderLine, Stock
from django_service.orders.prices import prices

Lines = list[tuple[int, int]]


def place(key: str, lines: Lines) -> tuple[Order, list[OrderLine], bool]:
    """The order that `key` placed, its lines, and whether it had done so before. `lines` are (product id, quantity).

    Raises Problem (409, 503, 504); then nothing is written and the key is unused.
    """
    content = fingerprint(lines)
    if placed := _placed_before(key, content):
        return *placed, True
    offers = prices().offers([product_id for product_id, _ in lines])
    try:
        priced, total_minor, currency = price(lines, offers)
    except CurrenciesDiffer as error:
        raise Problem("currencies-differ", str(error)) from None
    order = Order(
        idempotency_key=key,
        fingerprint=content,
        status=OrderStatus.PLACED,
        total_minor=total_minor,
        currency=currency,
    )
    try:
        with transaction.atomic():
            order.save(force_insert=True)  # first: a request with the same key waits here
            written = _write_lines(order, priced)
            OrderEvent.objects.create(order=order, status=order.status)
            _take_stock(lines)
    except IntegrityError as error:
        if violates(error, "orders_idempotency_key_key") and (placed := _placed_before(key, content)):
            return *placed, True
        raise
    return order, written, False


def move(order_id: int, to: OrderStatus) -> tuple[Order, list[OrderLine]]:
    """The order in its new state, and its lines. Raises Http404, or Problem if it may not go there."""
    with transaction.atomic():
        order = get_object_or_404(Order.objects.select_for_update(), pk=order_id)
        if not may_move(OrderStatus(order.status), to):
            raise Problem("transition-refused", f"An order that is {order.status} cannot become {to}")
        event = OrderEvent.objects.create(order=order, status=to)
        order.status, order.updated_at = to, event.created_at
        order.save(update_fields=["status", "updated_at"])
        lines = list(order.lines.order_by("position"))
        if gives_stock_back(to):
            for line in sorted(lines, key=lambda line: line.product_id):
                Stock.objects.give_back(line.product_id, line.quantity)
        _announce(order_id)
        return order, lines


def _announce(order_id: int) -> None:
    """Wakes the streams of the order, in every replica, once the transaction is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(order_id)])


def _placed_before(key: str, content: str) -> tuple[Order, list[OrderLine]] | None:
    order = Order.objects.filter(idempotency_key=key).first()
    if order is None:
        return None
    if order.fingerprint != content:
        raise Problem("idempotency-key-reused", "This Idempotency-Key placed an order with another content")
    return order, list(order.lines.order_by("position"))


def _write_lines(order: Order, lines: list[PricedLine]) -> list[OrderLine]:
    return OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            position=position,
            product_id=line.product_id,
            name=line.name,
            quantity=line.quantity,
            unit_price_minor=line.unit_price_minor,
            currency=line.currency,
        )
        for position, line in enumerate(lines)
    )


def _take_stock(lines: Lines) -> None:
    """Always in the order of products, so that two orders cannot wait for each other."""
    for product_id, quantity in sorted(lines):
        if not Stock.objects.take(product_id, quantity):
            raise Problem("out-of-stock", f"Less than {quantity} of product {product_id} are in stock")
