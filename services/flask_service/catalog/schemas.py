"""What the catalog's operations take."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate

from flask_service.fields import ID, Money, Object, Once, PageParameters, Parameters, Pattern, Text, TextInteger

CATEGORY = Pattern("[a-z][a-z0-9-]{0,39}")


class ProductInput(Object):
    sku = Text(required=True, validate=Pattern("[A-Z0-9][A-Z0-9-]{0,39}"))
    name = Text(required=True, validate=validate.Length(min=1, max=200))
    description = Text(load_default="", validate=validate.Length(max=2000))
    category = Text(required=True, validate=CATEGORY)
    price = fields.Nested(Money, required=True)

    @post_load
    def as_columns(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        price = data.pop("price")
        return {**data, "price_minor": price["amount_minor"], "currency": price["currency"]}


class ProductPath(Parameters):
    product_id = TextInteger(required=True, validate=ID)


class ProductQuery(PageParameters):
    category = Once(Text(validate=CATEGORY))
    q = Once(Text(validate=validate.Length(min=1, max=100)))


class ListProducts(Object):
    query = fields.Nested(ProductQuery)


class CreateProduct(Object):
    body = fields.Nested(ProductInput, required=True)


class ReplaceProduct(Object):
    path = fields.Nested(ProductPath)
    body = fields.Nested(ProductInput, required=True)
