"""What products are called and cost now, from the catalog over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import httpx
from pydantic import BaseModel, ValidationError
from shop.documents import MalformedJSON, parse
from shop.orders import Offer
from shop.problems import Problem, unavailable
from shop.settings import CATALOG_CONNECT_TIMEOUT_S, CATALOG_TIMEOUT_S

from fastapi_service.fields import Money, Name

# One for each line of the longest order: with more, httpx spends more time on its queue than it saves.
CONNECTIONS = 20


class _Product(BaseModel):
    name: Name
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
        try:
            async with asyncio.timeout(CATALOG_TIMEOUT_S), asyncio.TaskGroup() as group:
                reads = {product_id: group.create_task(self._offer(product_id)) for product_id in product_ids}
        except TimeoutError:
            raise _too_late() from None
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # the first to fail: the group cancelled the others
        offers = {product_id: read.result() for product_id, read in reads.items()}
        found = {product_id: offer for product_id, offer in offers.items() if offer is not None}
        unknown = [str(product_id) for product_id in offers if product_id not in found]
        if unknown:
            raise Problem("product-unknown", f"The catalog does not have product {', '.join(unknown)}")
        return found

    async def _offer(self, product_id: int) -> Offer | None:
        """None where the catalog answers 404. Raises Problem (503, 504)."""
        try:
            response = await self._client.get(f"/products/{product_id}")
        except httpx.TimeoutException:
            raise _too_late() from None
        except httpx.HTTPError:
            raise unavailable("The catalog does not answer") from None
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.status_code != httpx.codes.OK:
            raise unavailable(f"The catalog answers {response.status_code}")
        try:
            product = _Product.model_validate(parse(response.content))
        except (MalformedJSON, ValidationError):
            raise unavailable("The catalog answers something that is no product") from None
        return Offer(product.name, product.price.amount_minor, product.price.currency)

    async def close(self) -> None:
        await self._client.aclose()


def _too_late() -> Problem:
    return Problem("upstream-timeout", "The catalog did not answer in time")
