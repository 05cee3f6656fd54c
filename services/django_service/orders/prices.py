"""What the catalog says of products now, asked over HTTP, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import cache
from http import HTTPStatus
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from shop.documents import parse
from shop.orders import Offer
from shop.problems import Problem, unavailable
from shop.settings import CATALOG_CONNECT_TIMEOUT_S, CATALOG_TIMEOUT_S
from telemetry import libraries
from telemetry.setup import Telemetry
from urllib3 import exceptions

from django_service.api.fields import MONEY, PRODUCT_NAME, Path

LINES_MAX = 20


class Prices:
    """`at_once` is how many orders ask at the same time."""

    def __init__(self, catalog_url: str, at_once: int) -> None:
        requests = at_once * LINES_MAX
        self._catalog_url = catalog_url
        self._products = f"{urlsplit(catalog_url).path}/products/"
        self._catalog = urllib3.connection_from_url(
            catalog_url,
            maxsize=requests,
            timeout=urllib3.Timeout(CATALOG_TIMEOUT_S, connect=CATALOG_CONNECT_TIMEOUT_S),
            retries=False,
        )
        self._threads = ThreadPoolExecutor(max_workers=requests, thread_name_prefix="prices")

    def tell(self, telemetry: Telemetry) -> None:
        """From now on, of its calls and its threads."""
        libraries.instrument_urllib3(self._catalog, self._catalog_url, telemetry)
        libraries.instrument_executor("prices", self._threads, telemetry)

    def offers(self, product_ids: Sequence[int]) -> Mapping[int, Offer]:
        """An offer for each product.

        Raises Problem: 504 late or 503 no proper answer, whichever comes first; 409 a product it does not have.
        """
        asked = {product_id: self._threads.submit(self._offer, product_id) for product_id in product_ids}
        done, waiting = wait(asked.values(), timeout=CATALOG_TIMEOUT_S, return_when=FIRST_EXCEPTION)
        for future in waiting:
            future.cancel()
        answers = {product_id: future.result() for product_id, future in asked.items() if future in done}
        if waiting:
            raise Problem("upstream-timeout", f"The catalog did not answer within {CATALOG_TIMEOUT_S:g} s")
        offers = {product_id: offer for product_id, offer in answers.items() if offer is not None}
        if unknown := [product_id for product_id in product_ids if product_id not in offers]:
            raise Problem("product-unknown", f"The catalog does not have: {', '.join(map(str, unknown))}")
        return offers

    def _offer(self, product_id: int) -> Offer | None:
        try:
            response = self._catalog.request("GET", f"{self._products}{product_id}", redirect=False)
        except exceptions.NewConnectionError:  # urllib3 counts a refusal among the timeouts
            raise unavailable("The catalog cannot be reached") from None
        except exceptions.TimeoutError:
            raise Problem("upstream-timeout", "The catalog did not answer in time") from None
        except exceptions.HTTPError:
            raise unavailable("The catalog cannot be reached") from None
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        if response.status != HTTPStatus.OK:
            raise unavailable(f"The catalog answered {response.status}")
        try:
            product = parse(response.data)
            name = PRODUCT_NAME.clean(product["name"], _refuse)
            price = MONEY.clean(product["price"], _refuse)
        except (ValueError, KeyError, TypeError):
            raise unavailable("The catalog answered something else than a product") from None
        return Offer(name, price["amount_minor"], price["currency"])


def _refuse(path: Path, detail: str) -> None:
    raise ValueError(detail)


@cache
def prices() -> Prices:
    """This replica's connections to the catalog."""
    return Prices(settings.SHOP_CATALOG_URL, settings.SHOP_THREADS)
