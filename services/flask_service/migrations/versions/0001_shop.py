"""The tables of both roles."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "product",
        identity(),
        sa.Column("sku", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        moment("created_at"),
        moment("updated_at"),
        sa.UniqueConstraint("sku", name="product_sku_key"),
        sa.CheckConstraint("price_minor >= 0", name="product_price_minor_check"),
    )
    op.create_index("product_category_id_idx", "product", ["category", "id"])
    op.create_index(
        "product_search_idx",
        "product",
        [sa.text("to_tsvector('simple'::regconfig, coalesce(name, '') || ' ' || coalesce(description, ''))")],
        postgresql_using="gin",
    )
    op.create_table(
        "stock",
        sa.Column("product_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.CheckConstraint("quantity >= 0", name="stock_quantity_check"),
    )
    op.create_table(
        "orders",
        identity(),
        sa.Column("idempotency_key", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        moment("created_at"),
        moment("updated_at"),
        sa.UniqueConstraint("idempotency_key", name="orders_idempotency_key_key"),
        sa.CheckConstraint("status IN ('placed', 'confirmed', 'shipped', 'cancelled')", name="orders_status_check"),
    )
    op.create_index("orders_status_id_idx", "orders", ["status", "id"])
    op.create_table(
        "order_line",
        identity(),
        order_id(),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("product_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.UniqueConstraint("order_id", "position", name="order_line_order_id_position_key"),
    )
    op.create_table(
        "order_event",
        identity(),
        order_id(),
        sa.Column("status", sa.String(16), nullable=False),
        moment("created_at"),
    )
    op.create_index("order_event_order_id_id_idx", "order_event", ["order_id", "id"])


def downgrade() -> None:
    for table in ("order_event", "order_line", "orders", "stock", "product"):
        op.drop_table(table)


def identity() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True)


def moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.statement_timestamp(), nullable=False)


def order_id() -> sa.Column[int]:
    orders = sa.ForeignKey("orders.id", deferrable=True, initially="DEFERRED")
    return sa.Column("order_id", sa.BigInteger, orders, nullable=False)
