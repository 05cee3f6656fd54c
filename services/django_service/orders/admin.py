from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from shop.orders import OrderStatus
from shop.problems import Problem

from django_service.backoffice.money import money
from django_service.orders import services
from django_service.orders.models import Order, OrderEvent, OrderLine

if TYPE_CHECKING:
    OrderModelAdmin = admin.ModelAdmin[Order]
    LineInline = admin.TabularInline[OrderLine, Order]
    EventInline = admin.TabularInline[OrderEvent, Order]
else:
    OrderModelAdmin = admin.ModelAdmin
    LineInline = EventInline = admin.TabularInline

MOVED_AT_ONCE = 100


class ReadOnly:
    """Of an order nothing is edited: it is placed through the API, and then moves."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OrderLines(ReadOnly, LineInline):
    model = OrderLine
    fields = readonly_fields = ("product_id", "name", "quantity", "unit_price", "price")
    ordering = ["position"]
    verbose_name_plural = "Lines"

    def unit_price(self, line: OrderLine) -> str:
        return money(line.unit_price_minor, line.currency)

    def price(self, line: OrderLine) -> str:
        return money(line.unit_price_minor * line.quantity, line.currency)


class OrderEvents(ReadOnly, EventInline):
    model = OrderEvent
    fields = readonly_fields = ("status", "created_at")
    ordering = ["id"]
    verbose_name_plural = "Events"


@admin.register(Order)
class OrderAdmin(ReadOnly, OrderModelAdmin):
    list_display = ["id", "status", "total", "created_at", "idempotency_key"]
    list_filter = ["status", "created_at"]
    # what an index answers
    search_fields = ["id__exact", "idempotency_key__exact"]
    search_help_text = "Number or idempotency key"
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ["id"]
    ordering = ["-id"]
    show_full_result_count = False
    list_per_page = 50
    fields = ["id", "status", "total", "idempotency_key", "created_at", "updated_at"]
    inlines = [OrderLines, OrderEvents]
    actions = ["confirm", "ship", "cancel"]

    def total(self, order: Order) -> str:
        return money(order.total_minor, order.currency)

    def has_move_permission(self, request: HttpRequest) -> bool:
        return OrderModelAdmin.has_change_permission(self, request)

    @admin.action(description="Confirm", permissions=["move"])
    def confirm(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._move(request, orders, OrderStatus.CONFIRMED)

    @admin.action(description="Ship", permissions=["move"])
    def ship(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._move(request, orders, OrderStatus.SHIPPED)

    @admin.action(description="Cancel, and give the stock back", permissions=["move"])
    def cancel(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        self._move(request, orders, OrderStatus.CANCELLED)

    def _move(self, request: HttpRequest, orders: QuerySet[Order], to: OrderStatus) -> None:
        """Each on its own, as through the API: one that is refused keeps no other back."""
        order_ids = list(orders.values_list("id", flat=True)[: MOVED_AT_ONCE + 1])
        if len(order_ids) > MOVED_AT_ONCE:
            self.message_user(request, f"Select at most {MOVED_AT_ONCE} orders.", messages.ERROR)
            return
        moved = 0
        for order_id in order_ids:
            try:
                order, _ = services.move(order_id, to)
            except Problem as refusal:
                self.message_user(request, f"Order {order_id}: {refusal.detail}.", messages.ERROR)
            except Http404:
                self.message_user(request, f"Order {order_id} is no longer there.", messages.ERROR)
            else:
                self.log_change(request, order, f"Now {to}.")
                moved += 1
        if moved:
            self.message_user(request, f"{moved} {'order is' if moved == 1 else 'orders are'} now {to}.")
