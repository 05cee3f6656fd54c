"""Orders over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from shop.idempotency import KEY
from shop.orders import OrderStatus

from fastapi_service.fields import Cursor, Limit, WrittenId
from fastapi_service.orders.schemas import OrderInput, StockInput, Transition
from fastapi_service.orders.service import Orders
from fastapi_service.responses import JSON
from fastapi_service.routing import ShopRoute, scope

router = APIRouter(route_class=ShopRoute, tags=["orders"])

Once = Annotated[list[str] | None, Query(max_length=1)]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", pattern=f"^{KEY.pattern}$")]


async def orders(request: Request) -> Orders:
    service: Orders = request.state.orders
    return service


async def no_repeats(limit: Once = None, cursor: Once = None, status: Once = None) -> None:
    """A parameter that is given twice is refused; FastAPI would take the last one."""


Service = Annotated[Orders, Depends(orders)]


@router.get("/orders/{order_id}")
async def get_order(order_id: WrittenId, service: Service) -> Response:
    return JSON((await service.order(order_id)).json_bytes())


@router.get("/orders", dependencies=[Depends(no_repeats)])
async def list_orders(
    service: Service, limit: Limit = 20, cursor: Cursor | None = None, status: OrderStatus | None = None
) -> Response:
    return JSON((await service.page(limit, cursor, status)).json_bytes())


@router.post("/orders", dependencies=[scope("orders:write")])
async def place_order(order: OrderInput, idempotency_key: IdempotencyKey, service: Service) -> Response:
    placed, replayed = await service.place(idempotency_key, order)
    headers = {"Location": f"/orders/{placed.id}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSON(placed.json_bytes(), 201, headers)


@router.post("/orders/{order_id}/transitions", dependencies=[scope("orders:write")])
async def move_order(order_id: WrittenId, transition: Transition, service: Service) -> Response:
    return JSON((await service.move(order_id, transition.to)).json_bytes())


@router.put("/stock/{product_id}", dependencies=[scope("stock:write")])
async def set_stock(product_id: WrittenId, stock: StockInput, service: Service) -> Response:
    return JSON((await service.set_stock(product_id, stock.quantity)).json_bytes())
