"""Recommendations over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, Depends, Request, Response
from shop.nearest import Nearest
from shop.settings import Settings
from telemetry.setup import Telemetry

from fastapi_service.published import BODY, problems
from fastapi_service.recommend.schemas import RecommendationInput, Recommendations, recommendations_json
from fastapi_service.responses import JSON
from fastapi_service.routing import ShopRoute

router = APIRouter(route_class=ShopRoute, tags=["recommend"])


@asynccontextmanager
async def lifespan(settings: Settings, telemetry: Telemetry) -> AsyncIterator[Nearest]:
    assert settings.model is not None
    threads = current_default_thread_limiter()
    threads.total_tokens = settings.database_connections
    if telemetry.metrics:
        telemetry.metrics.watch_threads(
            "recommend",
            settings.database_connections,
            lambda: threads.borrowed_tokens,
            lambda: threads.statistics().tasks_waiting,
        )
    yield Nearest(settings.model)


async def nearest(request: Request) -> Nearest:
    service: Nearest = request.state.recommend
    return service


@router.post("/recommendations", response_model=Recommendations, responses=problems(*BODY, 422))
def recommend(wanted: RecommendationInput, nearest: Annotated[Nearest, Depends(nearest)]) -> Response:
    """In FastAPI's thread pool, as it is not `async`: the event loop goes on with other requests."""
    found = nearest.of(wanted.embeddings, wanted.k)
    return JSON(
        recommendations_json(
            {
                "neighbours": [
                    [{"product_id": product_id, "squared_distance": distance} for product_id, distance in neighbours]
                    for neighbours in found
                ]
            }
        )
    )
