"""What the catalog takes and gives, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field
from shop import cursor

from fastapi_service.fields import Amount, Category, Input, Money, Name, Output, Text
from fastapi_service.models import Product


class ProductInput(Input):
    sku: Annotated[str, Field(pattern="^[A-Z0-9][A-Z0-9-]{0,39}$")]
    name: Name
    description: Annotated[Text, Field(max_length=2000)] = ""
    category: Category
    price: Money

    def columns(self) -> dict[str, str | int]:
        return {
            "sku": self.sku,
            "name": self.name,
            "description": self.description,
            "category": self.category,
            "price_minor": self.price.amount_minor,
            "currency": self.price.currency,
        }


class ProductOutput(Output):
    id: int
    sku: str
    name: str
    description: str
    category: str
    price: Amount
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, product: Product) -> ProductOutput:
        return cls(
            id=product.id,
            sku=product.sku,
            name=product.name,
            description=product.description,
            category=product.category,
            price=Amount(amount_minor=product.price_minor, currency=product.currency),
            created_at=product.created_at,
            updated_at=product.updated_at,
        )


class ProductPage(Output):
    items: list[ProductOutput]
    next_cursor: str | None

    @classmethod
    def of(cls, products: Sequence[Product], limit: int) -> ProductPage:
        """`products` has one more than `limit` where another page follows."""
        items = [ProductOutput.of(product) for product in products[:limit]]
        return cls(items=items, next_cursor=cursor.encode(items[-1].id) if len(products) > limit else None)
