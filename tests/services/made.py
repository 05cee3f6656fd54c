"""What replicas of the variants that take their settings as a value are made with."""

from __future__ import annotations

from shop.model import build
from shop.settings import WITH_DATABASE, Database, Role, Settings, Telemetry

NOWHERE = Database(user="lab", password="", host="/nonexistent", port=5432, name="shop")


def settings(
    role: Role, database: Database = NOWHERE, cache_url: str = "", catalog_url: str = "http://127.0.0.1:9"
) -> Settings:
    """The database is left out where the role has none."""
    return Settings(
        role=role,
        variant="tested",
        telemetry=Telemetry.OFF,
        host="127.0.0.1",
        port=1,
        metrics_port=1,
        database=database if role in WITH_DATABASE else None,
        database_connections=4,
        cache_url=cache_url,
        catalog_url=catalog_url,
        token_key=b"k" * 32,
        drain_s=0.0,
        stream_max_s=300,
        model=build() if role is Role.RECOMMEND else None,
    )
