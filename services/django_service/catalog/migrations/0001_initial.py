"""The table of the contract's `schema.yaml` that belongs to catalog."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "sku",
                    models.CharField(
                        max_length=40,
                        validators=[
                            RegexValidator(
                                "^[A-Z0-9][A-Z0-9-]{0,39}\\Z",
                                "Use capital letters, digits and hyphens, beginning with a letter or digit.",
                            )
                        ],
                        verbose_name="SKU",
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True, max_length=2000)),
                (
                    "category",
                    models.CharField(
                        max_length=40,
                        validators=[
                            RegexValidator(
                                "^[a-z][a-z0-9-]{0,39}\\Z",
                                "Use small letters, digits and hyphens, beginning with a letter.",
                            )
                        ],
                    ),
                ),
                (
                    "price_minor",
                    models.BigIntegerField(
                        help_text="In minor units of the currency: cents of EUR.",
                        validators=[MinValueValidator(0), MaxValueValidator(1_000_000_000)],
                        verbose_name="price",
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[RegexValidator("^[A-Z]{3}\\Z", "Use the three capital letters of ISO 4217.")],
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=Now())),
                ("updated_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "db_table": "product",
                "indexes": [
                    models.Index(fields=["category", "id"], name="product_category_id_idx"),
                    GinIndex(SearchVector("name", "description", config="simple"), name="product_search_idx"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("sku",), name="product_sku_key"),
                    models.CheckConstraint(condition=models.Q(price_minor__gte=0), name="product_price_minor_check"),
                ],
            },
        ),
    ]
