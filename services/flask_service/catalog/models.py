"""The catalog's table."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from flask_service.database import Base

SKU_CONSTRAINT = "product_sku_key"
# As the index has it: PostgreSQL uses the index for a query with the same expression.
SEARCHED = "to_tsvector('simple'::regconfig, coalesce(name, '') || ' ' || coalesce(description, ''))"


class Product(Base):
    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("sku", name=SKU_CONSTRAINT),
        CheckConstraint("price_minor >= 0", name="product_price_minor_check"),
        Index("product_category_id_idx", "category", "id"),
        Index("product_search_idx", text(SEARCHED), postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    sku: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(String(40))
    price_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.statement_timestamp())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.statement_timestamp(), onupdate=func.statement_timestamp()
    )
