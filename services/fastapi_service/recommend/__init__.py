"""The recommend role: the products nearest to an embedding."""

from fastapi_service.recommend.router import lifespan, router

__all__ = ["lifespan", "router"]
