"""What products are called and cost now, from the catalog over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import aiohttp
from pydantic import BaseModel, ValidationError
from shop.documents import MalformedJSON, parse
from shop.orders import Offer
from shop.problems import Problem, unavailable
from shop.settings import CATALOG_CONNECT_TIMEOUT_S, CATALOG_TIMEOUT_S

from fastapi_service.fields import Money, Name

CONNECTIONS = 20  # one for each line of the longest order


class _Product(BaseModel):
    name: Name
    price: Money


class Prices:
    def __init__(self, catalog_url: str) -> None:
        """Connects when first used."""
        self._products_url = f"{catalog_url}/products/"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            # No total: it is that of all prices of one order together.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CATALOG_CONNECT_TIMEOUT_S),
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
            status, body = await self.read(product_id)
        except TimeoutError:  # one that aiohttp raises is a ClientError, too
            raise _too_late() from None
        except aiohttp.ClientError:
            raise unavailable("The catalog does not answer") from None
        if status == 404:
            return None
        if status != 200:
            raise unavailable(f"The catalog answers {status}")
        try:
            product = _Product.model_validate(parse(body))
        except (MalformedJSON, ValidationError):
            raise unavailable("The catalog answers something that is no product") from None
        return Offer(product.name, product.price.amount_minor, product.price.currency)

    async def read(self, product_id: int) -> tuple[int, bytes]:
        """Status and body of the catalog's answer."""
        async with self._session.get(f"{self._products_url}{product_id}", allow_redirects=False) as response:
            return response.status, await response.read()

    async def close(self) -> None:
        await self._session.close()


def _too_late() -> Problem:
    return Problem("upstream-timeout", "The catalog did not answer in time")
