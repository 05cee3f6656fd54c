"""Products as the contract's JSON, in both directions."""

from __future__ import annotations

from typing import Any

from django_service.api.fields import MONEY, PRODUCT_NAME, ObjectField, TextField
from django_service.api.responses import timestamp
from django_service.catalog import models
from django_service.catalog.models import Product

CATEGORY = TextField(pattern=models.CATEGORY)
PRODUCT = ObjectField(
    {
        "sku": TextField(pattern=models.SKU),
        "name": PRODUCT_NAME,
        "description": TextField(max_length=2000),
        "category": CATEGORY,
        "price": MONEY,
    },
    defaults={"description": ""},
)


def columns(fields: dict[str, Any]) -> dict[str, Any]:
    """What PRODUCT cleaned, by the model's field names."""
    price = fields["price"]
    return {
        "sku": fields["sku"],
        "name": fields["name"],
        "description": fields["description"],
        "category": fields["category"],
        "price_minor": price["amount_minor"],
        "currency": price["currency"],
    }


def document(product: Product) -> dict[str, Any]:
    return {
        "id": product.id,
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "category": product.category,
        "price": {"amount_minor": product.price_minor, "currency": product.currency},
        "created_at": timestamp(product.created_at),
        "updated_at": timestamp(product.updated_at),
    }
