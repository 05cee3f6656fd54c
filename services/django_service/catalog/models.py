from __future__ import annotations

from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import models
from django.db.models.functions import Now

SEARCH = SearchVector("name", "description", config="simple")


class ProductQuerySet(models.QuerySet["Product"]):
    def after(self, last_id: int) -> Self:
        """In the order of pages, from the product that follows `last_id`."""
        return self.filter(id__gt=last_id).order_by("id")

    def search(self, words: str) -> Self:
        """Products whose name and description together hold every word."""
        return self.alias(words=SEARCH).filter(words=SearchQuery(words, config="simple"))


class Product(models.Model):
    sku = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    description = models.TextField()
    category = models.CharField(max_length=40)
    price_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
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
