from __future__ import annotations

from django.urls import path

from django_service.orders.views import OrderDetail, OrderEvents, OrderList, OrderTransitions, StockDetail

urlpatterns = [
    path("orders/<str:order_id>", OrderDetail.as_view()),
    path("orders", OrderList.as_view()),
    path("orders/<str:order_id>/transitions", OrderTransitions.as_view()),
    path("orders/<str:order_id>/events", OrderEvents.as_view()),
    path("stock/<str:product_id>", StockDetail.as_view()),
]
