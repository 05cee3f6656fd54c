"""The catalog role: products, read through a cache."""

from fastapi_service.catalog.router import router
from fastapi_service.catalog.service import lifespan

__all__ = ["lifespan", "router"]
