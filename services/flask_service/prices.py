"""What products are called and cost now, read from the catalog over HTTP, all of an order at once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import urllib3
from flask import Flask, current_app
from marshmallow import ValidationError, fields, post_load, validate
from shop.documents import MalformedJSON, parse
from shop.orders import Offer
from shop.problems import Problem, unavailable
from shop.settings import CATALOG_CONNECT_TIMEOUT_S, CATALOG_TIMEOUT_S
from telemetry import libraries
from telemetry.setup import Telemetry
from urllib3.exceptions import HTTPError, NewConnectionError, TimeoutError

from flask_service.fields import Money, Parameters, Text
from flask_service.orders.schemas import LINES_MAX


class OfferSchema(Parameters):
    """What matters here of the catalog's product."""

    name = Text(required=True, validate=validate.Length(min=1, max=200))
    price = fields.Nested(Money, required=True)

    @post_load
    def as_offer(self, data: dict[str, Any], **_: Any) -> Offer:
        return Offer(data["name"], data["price"]["amount_minor"], data["price"]["currency"])


_OFFER = OfferSchema()


class Prices:
    def init_app(self, app: Flask, catalog_url: str, orders_at_once: int, telemetry: Telemetry) -> None:
        reads = orders_at_once * LINES_MAX
        client = urllib3.PoolManager(maxsize=reads, retries=False)
        executor = ThreadPoolExecutor(reads, thread_name_prefix="prices")
        libraries.instrument_urllib3(client, catalog_url, telemetry)
        libraries.instrument_executor("prices", executor, telemetry)
        app.extensions["prices"] = _Catalog(catalog_url, client, executor)

    def of(self, product_ids: Iterable[int]) -> dict[int, Offer]:
        """An offer for every product. Raises Problem: 409 for one that the catalog does not have, 503 or 504 for it."""
        return cast(_Catalog, current_app.extensions["prices"]).offers(product_ids)


@dataclass(frozen=True, slots=True)
class _Catalog:
    url: str
    client: urllib3.PoolManager
    executor: ThreadPoolExecutor

    def offers(self, product_ids: Iterable[int]) -> dict[int, Offer]:
        deadline = time.monotonic() + CATALOG_TIMEOUT_S
        reads = {self.executor.submit(self._read, product_id, deadline): product_id for product_id in product_ids}
        done, late = wait(reads, timeout=CATALOG_TIMEOUT_S, return_when=FIRST_EXCEPTION)
        for read in late:
            read.cancel()
        found = {reads[read]: read.result() for read in done}
        if late:
            raise _too_late()
        offers = {product_id: offer for product_id, offer in found.items() if offer is not None}
        if unknown := sorted(found.keys() - offers.keys()):
            raise Problem("product-unknown", f"The catalog does not have product {', '.join(map(str, unknown))}")
        return offers

    def _read(self, product_id: int, deadline: float) -> Offer | None:
        """None where the catalog answers 404."""
        left_s = max(deadline - time.monotonic(), 0.001)
        timeout = urllib3.Timeout(connect=min(left_s, CATALOG_CONNECT_TIMEOUT_S), read=left_s)
        try:
            response = self.client.request("GET", f"{self.url}/products/{product_id}", timeout=timeout)
        except NewConnectionError:  # a kind of TimeoutError
            raise unavailable("The catalog refuses connections") from None
        except TimeoutError:
            raise _too_late() from None
        except HTTPError as error:
            raise unavailable(f"The catalog does not answer: {type(error).__name__}") from None
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        if response.status != HTTPStatus.OK:
            raise unavailable(f"The catalog answers {response.status}")
        try:
            return cast(Offer, _OFFER.load(parse(response.data)))
        except (MalformedJSON, ValidationError):
            raise unavailable("The catalog answers something other than a product") from None


def _too_late() -> Problem:
    return Problem("upstream-timeout", "The catalog did not answer in time")
