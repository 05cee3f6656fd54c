"""The tables of the contract's `schema.yaml` that belong to orders."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

STATUSES = ["placed", "confirmed", "shipped", "cancelled"]


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Stock",
            fields=[
                ("product_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("quantity", models.BigIntegerField()),
            ],
            options={
                "db_table": "stock",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(quantity__gte=0), name="stock_quantity_check"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("idempotency_key", models.CharField(max_length=64)),
                ("fingerprint", models.CharField(max_length=64)),
                ("status", models.CharField(choices=[(status, status) for status in STATUSES], max_length=16)),
                ("total_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("created_at", models.DateTimeField(db_default=Now())),
                ("updated_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "db_table": "orders",
                "indexes": [models.Index(fields=["status", "id"], name="orders_status_id_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("idempotency_key",), name="orders_idempotency_key_key"),
                    models.CheckConstraint(
                        condition=models.Q(status__in=STATUSES),
                        name="orders_status_check",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="orders.order",
                    ),
                ),
                ("position", models.IntegerField()),
                ("product_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=200)),
                ("quantity", models.IntegerField()),
                ("unit_price_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
            ],
            options={
                "db_table": "order_line",
                "constraints": [
                    models.UniqueConstraint(fields=("order", "position"), name="order_line_order_id_position_key"),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="orders.order",
                    ),
                ),
                ("status", models.CharField(max_length=16)),
                ("created_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "db_table": "order_event",
                "indexes": [models.Index(fields=["order", "id"], name="order_event_order_id_id_idx")],
            },
        ),
    ]
