from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import F
from django.db.models.functions import Now
from shop.orders import OrderStatus


class StockQuerySet(models.QuerySet["Stock"]):
    def take(self, product_id: int, quantity: int) -> bool:
        """Lowers the stock if there is enough; False otherwise."""
        return bool(
            self.filter(product_id=product_id, quantity__gte=quantity).update(quantity=F("quantity") - quantity)
        )

    def give_back(self, product_id: int, quantity: int) -> None:
        self.filter(product_id=product_id).update(quantity=F("quantity") + quantity)

    def put(self, product_id: int, quantity: int) -> None:
        """Sets the quantity, of a product known before or not."""
        self.bulk_create(
            [Stock(product_id=product_id, quantity=quantity)],
            update_conflicts=True,
            unique_fields=["product_id"],
            update_fields=["quantity"],
        )


class Stock(models.Model):
    product_id = models.BigIntegerField(primary_key=True)
    quantity = models.BigIntegerField()

    objects = StockQuerySet.as_manager()

    class Meta:
        db_table = "stock"
        constraints = [
            models.CheckConstraint(condition=models.Q(quantity__gte=0), name="stock_quantity_check"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of product {self.product_id}"


class OrderQuerySet(models.QuerySet["Order"]):
    def with_lines(self) -> Self:
        return self.prefetch_related(models.Prefetch("lines", OrderLine.objects.order_by("position")))

    def before(self, last_id: int | None) -> Self:
        """In the order of pages, from the order that follows `last_id`; from the newest if None."""
        newest_first = self.order_by("-id")
        return newest_first if last_id is None else newest_first.filter(id__lt=last_id)


class Order(models.Model):
    idempotency_key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    status = models.CharField(max_length=16, choices=[(status.value, status.value) for status in OrderStatus])
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = OrderQuerySet.as_manager()

    class Meta:
        db_table = "orders"
        constraints = [
            models.UniqueConstraint(fields=["idempotency_key"], name="orders_idempotency_key_key"),
            models.CheckConstraint(
                condition=models.Q(status__in=[status.value for status in OrderStatus]), name="orders_status_check"
            ),
        ]
        indexes = [models.Index(fields=["status", "id"], name="orders_status_id_idx")]

    def __str__(self) -> str:
        return f"order {self.pk} ({self.status})"


class OrderLine(models.Model):
    """Name, price and currency are copies: the catalog may change, the order may not."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="lines", db_index=False)
    position = models.IntegerField()
    product_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    quantity = models.IntegerField()
    unit_price_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        db_table = "order_line"
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="order_line_order_id_position_key"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.name}"


class OrderEvent(models.Model):
    """A state that an order reached, and when."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="events", db_index=False)
    status = models.CharField(max_length=16)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "order_event"
        indexes = [models.Index(fields=["order", "id"], name="order_event_order_id_id_idx")]

    def __str__(self) -> str:
        return f"order {self.order_id}: {self.status}"
