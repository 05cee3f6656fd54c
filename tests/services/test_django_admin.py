"""Django's admin in the role `admin`: what a person finds, may change and may not, on the shop's own tables."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from lab.core.deployment import Deployment
from lab.runtimes.local import LocalRuntime
from lab.tree import SERVICES
from lab.variants import load_manifests

pytestmark = pytest.mark.slow

VARIANT = load_manifests([SERVICES])["django"]
PASSWORD = "correct-horse-17"
PRODUCTS, ORDERS = "/admin/catalog/product/", "/admin/orders/order/"


@pytest.fixture(scope="module")
def database_url(runtime: LocalRuntime) -> str:
    return runtime.database(VARIANT, "admin_django")


@pytest.fixture(scope="module", autouse=True)
def django(runtime: LocalRuntime, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Django in this process, as a replica with the role `admin` has it."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_bytes(b"k" * 32)
    environ = {
        "LAB_ROLE": "admin",
        "LAB_PORT": "1",
        "LAB_METRICS_PORT": "2",
        "LAB_TOKEN_KEY_FILE": str(key),
        "DATABASE_URL": database_url,
        "CACHE_URL": runtime.cache_url(),
        "DJANGO_SETTINGS_MODULE": "django_service.backoffice.settings",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        import django

        django.setup()
        from django.db import connections
        from django.test.utils import setup_test_environment, teardown_test_environment

        setup_test_environment()
        yield
        teardown_test_environment()
        connections.close_all()


def make_user(name: str, *permissions: str, superuser: bool = False) -> Any:
    """Someone who may see the admin, with a client that is logged in."""
    from django.contrib.auth.models import Permission, User
    from django.test import Client

    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, is_superuser=superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


@pytest.fixture(scope="module")
def person() -> Any:
    return make_user("person", superuser=True)


@pytest.fixture(scope="module")
def viewer() -> Any:
    return make_user("viewer", "view_product", "view_order", "view_orderline", "view_orderevent")


@pytest.fixture
def order() -> Any:
    """Placed, with two lines."""
    from django_service.orders.models import Order, OrderEvent, OrderLine

    order = Order.objects.create(
        idempotency_key=os.urandom(8).hex(), fingerprint="", status="placed", total_minor=123_450, currency="EUR"
    )
    for position, (product_id, name) in enumerate([(7, "Quiet oak lamp"), (8, "Tall cork tray")]):
        OrderLine.objects.create(
            order=order,
            position=position,
            product_id=product_id,
            name=name,
            quantity=3,
            unit_price_minor=20_575,
            currency="EUR",
        )
    OrderEvent.objects.create(order=order, status="placed")
    return order


@pytest.fixture
def statements() -> Callable[[], AbstractContextManager[Any]]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    return lambda: CaptureQueriesContext(connection)


def rows(page: Any) -> list[str]:
    """The text of each row of a list."""
    body = re.search(r'<table id="result_list">.*?<tbody>(.*?)</tbody>', page.text, re.DOTALL)
    found = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL) if body else []
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]


def messages(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def form(**changes: str) -> dict[str, str]:
    """What a person would send for a product."""
    filled = {"sku": "NEW-1", "name": "New", "description": "", "category": "garden", "price_minor": "100"}
    return {**filled, "currency": "EUR", **changes}


def move(client: Any, action: str, *orders: Any) -> Any:
    chosen = {"action": action, "_selected_action": [order.pk for order in orders]}
    return client.post(ORDERS, chosen, follow=True)


def test_a_replica_serves_it_with_its_style_and_answers_ping(runtime: LocalRuntime, database_url: str) -> None:
    service = runtime.deploy(Deployment("admin-django", VARIANT, "admin", database_url=database_url))
    with httpx.Client(base_url=service.url, trust_env=False, follow_redirects=True) as client:
        pages = {path: client.get(path).status_code for path in ("/ping", "/docs", "/static/admin/css/base.css")}
        login = client.get("/admin/")
        stranger = client.get("/admin/", headers={"Host": "elsewhere.example"})
    runtime.remove(service.name)
    assert set(pages.values()) == {200}, pages
    assert (login.status_code, login.url.path) == (200, "/admin/login/")
    assert stranger.status_code == 400


def test_nobody_enters_without_a_password() -> None:
    from django.test import Client

    answer = Client().get(PRODUCTS)
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={PRODUCTS}")


def test_a_form_from_elsewhere_is_refused(person: Any) -> None:
    from django.test import Client

    checking = Client(enforce_csrf_checks=True)
    checking.cookies = person.cookies
    assert checking.post(f"{PRODUCTS}add/", form()).status_code == 403


def test_the_settings_are_those_of_a_site_that_plain_http_reaches() -> None:
    """What HTTPS alone can have is all that Django's own check misses."""
    from django.conf import settings
    from django.core import checks

    found = {message.id for message in checks.run_checks(include_deployment_checks=True)}
    assert found == {"security.W004", "security.W008", "security.W012", "security.W016"}
    assert (b"k" * 32).decode() not in settings.SECRET_KEY


LISTS = [
    # case                       path                                      rows  each of them has
    ("SKU", f"{PRODUCTS}?q=GAR-000012", 1, "GAR-000012"),
    (
        "words of the name and a part of the SKU",
        f"{PRODUCTS}?q=cork+tray+000043",
        1,
        "KIT-000043 Folding cork tray 43 kitchen 61.74 EUR",
    ),
    ("category", f"{PRODUCTS}?category=garden", 50, "GAR-"),
    ("nothing", f"{PRODUCTS}?q=nothing+like+it", 0, ""),
]


@pytest.mark.parametrize(("path", "count", "text"), [row[1:] for row in LISTS], ids=[row[0] for row in LISTS])
def test_products_are_found(person: Any, path: str, count: int, text: str) -> None:
    found = rows(person.get(path))
    assert (len(found), [row for row in found if text not in row]) == (count, [])


def test_a_product_is_added_changed_and_deleted(person: Any) -> None:
    from django_service.catalog.models import Product

    person.post(f"{PRODUCTS}add/", form(sku="ADDED-1"))
    added = Product.objects.get(sku="ADDED-1")
    person.post(f"{PRODUCTS}{added.pk}/change/", form(sku="ADDED-1", name="Changed"))
    changed = Product.objects.get(pk=added.pk)
    assert (changed.name, changed.created_at) == ("Changed", added.created_at)
    assert changed.updated_at > added.updated_at
    person.post(f"{PRODUCTS}{added.pk}/delete/", {"post": "yes"})
    assert not Product.objects.filter(pk=added.pk).exists()


REFUSED = [
    # case                     field          value
    ("small letters", "sku", "new-1"),
    ("another product's", "sku", "GAR-000002"),
    ("none", "name", ""),
    ("too long", "name", "n" * 201),
    ("too long a text", "description", "d" * 2001),
    ("capital letters", "category", "Garden"),
    ("below nothing", "price_minor", "-1"),
    ("beyond the contract", "price_minor", "1000000001"),
    ("two letters", "currency", "EU"),
]


@pytest.mark.parametrize(
    ("field", "value"), [row[1:] for row in REFUSED], ids=[f"{row[1]}: {row[0]}" for row in REFUSED]
)
def test_a_product_that_the_contract_does_not_know_is_refused(person: Any, field: str, value: str) -> None:
    answer = person.post(f"{PRODUCTS}add/", form(**{field: value}))
    assert list(answer.context["adminform"].form.errors) == [field]


WRITES: list[tuple[str, Callable[[Any, int], Any]]] = [
    ("change", lambda person, pk: person.post(f"{PRODUCTS}{pk}/change/", form(sku=f"CACHED-{pk}"))),
    ("delete", lambda person, pk: person.post(f"{PRODUCTS}{pk}/delete/", {"post": "yes"})),
    (
        "delete several",
        lambda person, pk: person.post(
            PRODUCTS, {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
        ),
    ),
]


@pytest.mark.parametrize("write", [row[1] for row in WRITES], ids=[row[0] for row in WRITES])
def test_what_it_writes_readers_of_the_cache_see_at_once(person: Any, write: Callable[[Any, int], Any]) -> None:
    from django.core.cache import cache
    from django_service.catalog.models import Product

    product = Product.objects.create(
        sku=os.urandom(8).hex().upper(), name="Old", description="", category="toys", price_minor=1, currency="EUR"
    )
    cache.set(f"product:{product.pk}", b"old", 60)
    assert write(person, product.pk).status_code == 302
    assert cache.get(f"product:{product.pk}") == b""


@pytest.mark.parametrize("by", ["pk", "idempotency_key"])
def test_an_order_is_found_by_number_and_key(person: Any, order: Any, by: str) -> None:
    (found,) = rows(person.get(f"{ORDERS}?q={getattr(order, by)}"))
    assert found.startswith(f"{order.pk} placed 1,234.50 EUR 20")


def test_orders_are_filtered_by_state(person: Any, order: Any) -> None:
    move(person, "cancel", order)
    found = rows(person.get(f"{ORDERS}?status__exact=cancelled"))
    assert found
    assert {row.split()[1] for row in found} == {"cancelled"}


def test_an_order_shows_its_lines_and_events_and_no_field_to_fill_in(person: Any, order: Any) -> None:
    page = person.get(f"{ORDERS}{order.pk}/change/").text
    for text in ("Quiet oak lamp", "Tall cork tray", "205.75 EUR", "617.25 EUR", "1,234.50 EUR", "placed"):
        assert text in page.replace("\u00a0", " ")
    shown = re.findall(r'<input type="(?!hidden|submit)|<textarea|<select', page)
    assert shown == []


@pytest.mark.parametrize("path", ["add/", "{pk}/delete/"])
def test_nobody_adds_or_deletes_an_order(person: Any, order: Any, path: str) -> None:
    assert person.post(f"{ORDERS}{path.format(pk=order.pk)}", {"post": "yes"}).status_code == 403


def test_nobody_edits_an_order(person: Any, order: Any) -> None:
    assert person.post(f"{ORDERS}{order.pk}/change/", {"status": "shipped"}).status_code == 403
    order.refresh_from_db()
    assert order.status == "placed"


def test_orders_are_moved_by_actions(person: Any, order: Any) -> None:
    assert messages(move(person, "confirm", order)) == ["1 order is now confirmed."]
    assert messages(move(person, "ship", order)) == ["1 order is now shipped."]
    order.refresh_from_db()
    assert order.status == "shipped"
    assert [event.status for event in order.events.order_by("id")] == ["placed", "confirmed", "shipped"]
    assert "Now shipped." in person.get(f"{ORDERS}{order.pk}/history/").text


def test_cancelling_gives_the_stock_back(person: Any, order: Any) -> None:
    from django_service.orders.models import Stock

    before = Stock.objects.get(pk=7).quantity
    move(person, "cancel", order)
    assert Stock.objects.get(pk=7).quantity == before + 3


def test_each_refusal_is_told_and_keeps_no_other_order_back(person: Any, order: Any) -> None:
    from django_service.orders.models import Order

    other = Order.objects.create(
        idempotency_key=os.urandom(8).hex(), fingerprint="", status="shipped", total_minor=1, currency="EUR"
    )
    assert messages(move(person, "confirm", order, other)) == [
        f"Order {other.pk}: An order that is shipped cannot become confirmed.",
        "1 order is now confirmed.",
    ]


def test_who_may_only_look_finds_nothing_to_do(viewer: Any, order: Any) -> None:
    assert viewer.get(ORDERS).status_code == 200
    assert 'name="action"' not in viewer.get(ORDERS).text
    move(viewer, "confirm", order)
    order.refresh_from_db()
    assert order.status == "placed"
    assert viewer.post(f"{PRODUCTS}add/", form()).status_code == 403


PAGES = [PRODUCTS, f"{PRODUCTS}?q=cork", ORDERS, f"{ORDERS}?status__exact=placed", "{order}"]
SESSION_AND_USER = 2


@pytest.mark.parametrize("path", PAGES)
def test_a_page_takes_few_statements_however_much_it_shows(
    person: Any, order: Any, path: str, statements: Callable[[], AbstractContextManager[Any]]
) -> None:
    """Count, rows and the filter's categories of a list; the order, its lines and its events."""
    with statements() as captured:
        person.get(path.format(order=f"{ORDERS}{order.pk}/change/"))
    assert len(captured) <= SESSION_AND_USER + 3, [one["sql"] for one in captured.captured_queries]
