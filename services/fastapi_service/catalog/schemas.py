"""What the catalog takes and gives, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, TypeAdapter
from shop import cursor
from typing_extensions import TypedDict

from fastapi_service.fields import Category, Id, Input, Moment, Money, Name, Price, Text, output
from fastapi_service.models import Product


class ProductInput(Input):
    sku: Annotated[str, Field(pattern="^[A-Z0-9][A-Z0-9-]{0,39}$")]
    name: Name
    description: Annotated[Text, Field(max_length=2000, json_schema_extra={"pattern": "^[^\\u0000]*$"})] = ""
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


@output
class ProductOutput(TypedDict):
    id: Id
    sku: str
    name: str
    description: str
    category: Category
    price: Price
    created_at: Moment
    updated_at: Moment


@output
class ProductPage(TypedDict):
    items: Annotated[list[ProductOutput], Field(max_length=100)]
    next_cursor: str | None


product_json = TypeAdapter(ProductOutput).dump_json
page_json = TypeAdapter(ProductPage).dump_json


def product_output(product: Product) -> ProductOutput:
    return {
        "id": product.id,
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "category": product.category,
        "price": {"amount_minor": product.price_minor, "currency": product.currency},
        "created_at": product.created_at,
        "updated_at": product.updated_at,
    }


def product_page(products: Sequence[Product], limit: int) -> ProductPage:
    """`products` has one more than `limit` where another page follows."""
    items = [product_output(product) for product in products[:limit]]
    return {"items": items, "next_cursor": cursor.encode(items[-1]["id"]) if len(products) > limit else None}
