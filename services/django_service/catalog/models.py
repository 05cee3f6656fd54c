from __future__ import annotations

from typing import Any, Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now

from django_service.api.fields import AMOUNT_MAX, CURRENCY

SKU = "[A-Z0-9][A-Z0-9-]{0,39}"
SKU_RULE = "Use capital letters, digits and hyphens, beginning with a letter or digit."
CATEGORY = "[a-z][a-z0-9-]{0,39}"
CATEGORY_RULE = "Use small letters, digits and hyphens, beginning with a letter."
CURRENCY_RULE = "Use the three capital letters of ISO 4217."
SEARCH = SearchVector("name", "description", config="simple")

_REPLACE = """
UPDATE product SET
    sku = %(sku)s, name = %(name)s, description = %(description)s, category = %(category)s,
    price_minor = %(price_minor)s, currency = %(currency)s, updated_at = statement_timestamp()
WHERE id = %(id)s RETURNING *
"""


class ProductQuerySet(models.QuerySet["Product"]):
    def after(self, last_id: int) -> Self:
        """In the order of pages, from the product that follows `last_id`."""
        return self.filter(id__gt=last_id).order_by("id")

    def search(self, words: str) -> Self:
        """Products whose name and description together hold every word."""
        return self.alias(words=SEARCH).filter(words=SearchQuery(words, config="simple"))

    def replace(self, product_id: int, columns: dict[str, Any]) -> Product | None:
        """The product as it is now; None if there is none. SQL, because update() can't return what it wrote."""
        return next(iter(self.raw(_REPLACE, {**columns, "id": product_id})), None)


class Product(models.Model):
    """Its validators are the contract's, for forms; what the API takes is in `documents`."""

    sku = models.CharField("SKU", max_length=40, validators=[RegexValidator(rf"^{SKU}\Z", SKU_RULE)])
    name = models.CharField(max_length=200)
    description = models.TextField(max_length=2000, blank=True)
    category = models.CharField(max_length=40, validators=[RegexValidator(rf"^{CATEGORY}\Z", CATEGORY_RULE)])
    price_minor = models.BigIntegerField(
        "price",
        help_text="In minor units of the currency: cents of EUR.",
        validators=[MinValueValidator(0), MaxValueValidator(AMOUNT_MAX)],
    )
    currency = models.CharField(max_length=3, validators=[RegexValidator(rf"^{CURRENCY}\Z", CURRENCY_RULE)])
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = ProductQuerySet.as_manager()

    class Meta:
        db_table = "product"
        constraints = [
            models.UniqueConstraint(fields=["sku"], name="product_sku_key"),
            models.CheckConstraint(condition=models.Q(price_minor__gte=0), name="product_price_minor_check"),
        ]
        indexes = [
            models.Index(fields=["category", "id"], name="product_category_id_idx"),
            GinIndex(SEARCH, name="product_search_idx"),
        ]

    def __str__(self) -> str:
        return self.sku
