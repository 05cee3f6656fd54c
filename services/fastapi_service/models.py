"""The tables of both roles, as the contract's `schema.yaml` has them; `migrations/` makes them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    func,
    literal_column,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SKU_KEY = "product_sku_key"
ORDER_KEY = "orders_idempotency_key_key"

# What search looks at, as PostgreSQL spells it: so `alembic check` finds the index unchanged.
SEARCH_CONFIGURATION: ColumnElement[str] = literal_column("'simple'::regconfig")
SEARCH_DOCUMENT: ColumnElement[str] = literal_column(
    "to_tsvector('simple'::regconfig, (COALESCE(name, ''::character varying)::text || ' '::text)"
    " || COALESCE(description, ''::text))"
)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}


def identity() -> Mapped[int]:
    return mapped_column(BigInteger, Identity(), primary_key=True)


def now() -> Mapped[datetime]:
    return mapped_column(server_default=func.statement_timestamp())


class Product(Base):
    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("sku", name=SKU_KEY),
        CheckConstraint("price_minor >= 0", name="product_price_minor_check"),
        Index("product_category_id_idx", "category", "id"),
        Index("product_search_idx", SEARCH_DOCUMENT, postgresql_using="gin"),
    )

    id: Mapped[int] = identity()
    sku: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(String(40))
    price_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime] = now()
    updated_at: Mapped[datetime] = now()


class Stock(Base):
    __tablename__ = "stock"
    __table_args__ = (CheckConstraint("quantity >= 0", name="stock_quantity_check"),)

    product_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    quantity: Mapped[int] = mapped_column(BigInteger)


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("idempotency_key", name=ORDER_KEY),
        CheckConstraint(
            "status IN ('placed', 'confirmed', 'shipped', 'cancelled')",
            name="orders_status_check",
        ),
        Index("orders_status_id_idx", "status", "id"),
    )
    id: Mapped[int] = identity()
    idempotency_key: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    total_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime] = now()
    updated_at: Mapped[datetime] = now()


class OrderLine(Base):
    __tablename__ = "order_line"
    __table_args__ = (UniqueConstraint("order_id", "position", name="order_line_order_id_position_key"),)

    id: Mapped[int] = identity()
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", deferrable=True, initially="DEFERRED"))
    position: Mapped[int] = mapped_column(Integer)
    product_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[int] = mapped_column(Integer)
    unit_price_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))


class OrderEvent(Base):
    __tablename__ = "order_event"
    __table_args__ = (Index("order_event_order_id_id_idx", "order_id", "id"),)

    id: Mapped[int] = identity()
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", deferrable=True, initially="DEFERRED"))
    status: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = now()
