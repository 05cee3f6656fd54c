"""Orders over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from shop import streams
from shop.idempotency import KEY
from shop.orders import OrderStatus

from fastapi_service.fields import Cursor, Limit, WrittenId
from fastapi_service.orders.events import OrderStream
from fastapi_service.orders.schemas import (
    OrderInput,
    OrderOutput,
    OrderPage,
    StockInput,
    StockOutput,
    Transition,
    order_json,
    page_json,
    stock_json,
)
from fastapi_service.orders.service import Orders
from fastapi_service.published import BODY, LOCATION, STREAM, TOKEN, problems
from fastapi_service.responses import JSON
from fastapi_service.routing import ShopRoute, scope

router = APIRouter(route_class=ShopRoute, tags=["orders"])

Once = Annotated[list[str] | None, Query(max_length=1, include_in_schema=False)]
IdempotencyKey = Annotated[
    str, Header(alias="Idempotency-Key", min_length=8, max_length=64, pattern=f"^{KEY.pattern}$")
]
LastEventId = Annotated[WrittenId | None, Header(alias="Last-Event-ID")]


async def orders(request: Request) -> Orders:
    service: Orders = request.state.orders
    return service


async def no_repeats(limit: Once = None, cursor: Once = None, status: Once = None) -> None:
    """A parameter that is given twice is refused; FastAPI would take the last one."""


Service = Annotated[Orders, Depends(orders)]


async def order_stream(
    request: Request, order_id: WrittenId, service: Service, last_event_id: LastEventId = None
) -> AsyncIterator[OrderStream]:
    """Open until the answer has been sent, or has nobody any more to be sent to."""
    async with service.stream(order_id, last_event_id or 0, request.state.ending) as stream:
        yield stream


@router.get("/orders/{order_id}", response_model=OrderOutput, responses=problems(404, 422, 503))
async def get_order(order_id: WrittenId, service: Service) -> Response:
    return JSON(order_json(await service.order(order_id)))


@router.get("/orders", dependencies=[Depends(no_repeats)], response_model=OrderPage, responses=problems(422, 503))
async def list_orders(
    service: Service, limit: Limit = 20, cursor: Cursor | None = None, status: OrderStatus | None = None
) -> Response:
    return JSON(page_json(await service.page(limit, cursor, status)))


@router.post(
    "/orders",
    dependencies=[scope("orders:write")],
    status_code=201,
    response_model=OrderOutput,
    responses={201: LOCATION, **problems(*TOKEN, *BODY, 409, 422, 503, 504)},
)
async def place_order(order: OrderInput, idempotency_key: IdempotencyKey, service: Service) -> Response:
    placed, replayed = await service.place(idempotency_key, order)
    headers = {"Location": f"/orders/{placed['id']}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSON(order_json(placed), 201, headers)


@router.post(
    "/orders/{order_id}/transitions",
    dependencies=[scope("orders:write")],
    response_model=OrderOutput,
    responses=problems(*TOKEN, *BODY, 404, 409, 422, 503),
)
async def move_order(order_id: WrittenId, transition: Transition, service: Service) -> Response:
    return JSON(order_json(await service.move(order_id, transition.to)))


@router.get(
    "/orders/{order_id}/events",
    response_class=StreamingResponse,
    responses={200: STREAM, 204: {"description": "Nothing is left to tell."}, **problems(404, 422, 503)},
)
async def stream_order(request: Request, stream: Annotated[OrderStream, Depends(order_stream)]) -> Response:
    if stream.told:
        return Response(status_code=204)
    chunks = stream.chunks(wait=request.method != "HEAD")
    return StreamingResponse(chunks, headers={"Cache-Control": streams.CACHE_CONTROL}, media_type=streams.MEDIA_TYPE)


@router.put(
    "/stock/{product_id}",
    dependencies=[scope("stock:write")],
    response_model=StockOutput,
    responses=problems(*TOKEN, *BODY, 422, 503),
)
async def set_stock(product_id: WrittenId, stock: StockInput, service: Service) -> Response:
    return JSON(stock_json(await service.set_stock(product_id, stock.quantity)))
