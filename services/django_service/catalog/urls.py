from __future__ import annotations

from django.urls import path

from django_service.catalog.views import ProductDetail, ProductList

urlpatterns = [
    path("products/<str:product_id>", ProductDetail.as_view()),
    path("products", ProductList.as_view()),
]
