"""The orders role: orders, their lines and events, and the stock they take from."""

from fastapi_service.orders.router import router
from fastapi_service.orders.service import lifespan

__all__ = ["lifespan", "router"]
