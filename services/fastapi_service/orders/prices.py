"""What products are called and cost now, from the catalog over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import httpx
from pydantic import BaseModel, ValidationError
from shop.orders import Offer
from shop.problems import Problem, unavailable
from shop.settings import CATALOG_CONNECT_TIMEOUT_S, CATALOG_TIMEOUT_S

from fastapi_service.fields import Money

# One for each line of the longest order: with more, httpx spends more time on its queue than it saves.
CONNECTIONS = 20


class _Product(BaseModel):
    name: str
    price: Money


class Prices:
    def __init__(self, catalog_url: str) -> None:
        """Connects when first used."""
        self._client = httpx.AsyncClient(
            base_url=catalog_url,
            timeout=httpx.Timeout(CATALOG_TIMEOUT_S, connect=CATALOG_CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
        )

    async def of(self, product_ids: Iterable[int]) -> dict[int, Offer]:
        """An offer for each product, asked for all at once. Raises Problem (409, 503, 504)."""
        wanted = list(product_ids)
        try:
            async with asyncio.timeout(CATALOG_TIMEOUT_S):
                offers = await asyncio.gather(*(self._offer(product_id) for product_id in wanted))
        except (TimeoutError, httpx.TimeoutException):
            raise Problem("upstream-timeout", "The catalog did not answer in time") from None
        except httpx.HTTPError:
            raise unavailable("The catalog does not answer") from None
        found = {product_id: offer for product_id, offer in zip(wanted, offers, strict=True) if offer is not None}
        unknown = [str(product_id) for product_id in wanted if product_id not in found]
        if unknown:
            raise Problem("product-unknown", f"The catalog does not have product {', '.join(unknown)}")
        return found

    async def _offer(self, product_id: int) -> Offer | None:
        response = await self._client.get(f"/products/{product_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.status_code != httpx.codes.OK:
            raise unavailable(f"The catalog answers {response.status_code}")
        try:
            product = _Product.model_validate_json(response.content)
        except ValidationError:
            raise unavailable("The catalog answers something that is no product") from None
        return Offer(product.name, product.price.amount_minor, product.price.currency)

    async def close(self) -> None:
        await self._client.aclose()
