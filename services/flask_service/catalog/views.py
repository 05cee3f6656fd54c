"""The catalog's operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, json
from flask.typing import ResponseReturnValue
from shop import cursor
from shop.problems import Problem
from sqlalchemy import bindparam, delete, func, insert, literal_column, select, update
from sqlalchemy.exc import IntegrityError

from flask_service.catalog.models import SEARCHED, SKU_CONSTRAINT, Product
from flask_service.catalog.schemas import CreateProduct, ListProducts, ReplaceProduct
from flask_service.database import violates
from flask_service.documents import product_document
from flask_service.extensions import auth, cache, database
from flask_service.inputs import json_body, load, path_id, query_parameters
from flask_service.responses import no_content

blueprint = Blueprint("catalog", __name__)

LIST_PRODUCTS = ListProducts()
CREATE_PRODUCT = CreateProduct()
REPLACE_PRODUCT = ReplaceProduct()

BY_ID = select(Product).where(Product.id == bindparam("product_id"))


@blueprint.get("/products")
def list_products() -> ResponseReturnValue:
    query = load(LIST_PRODUCTS, query=query_parameters())["query"]
    limit = query["limit"]
    page = select(Product).order_by(Product.id).limit(limit + 1)
    if query["cursor"] is not None:
        page = page.where(Product.id > query["cursor"])
    if query["category"] is not None:
        page = page.where(Product.category == query["category"])
    if query["q"] is not None:
        page = page.where(literal_column(SEARCHED).bool_op("@@")(func.plainto_tsquery("simple", query["q"])))
    with database.autocommit() as session:
        found = session.scalars(page).all()
    return {
        "items": [product_document(product) for product in found[:limit]],
        "next_cursor": cursor.encode(found[limit - 1].id) if len(found) > limit else None,
    }


@blueprint.get("/products/<product_id>")
def get_product(product_id: str) -> ResponseReturnValue:
    wanted = path_id("product_id", product_id)

    def load_json() -> bytes:
        with database.autocommit() as session:
            product = session.scalars(BY_ID, {"product_id": wanted}).one_or_none()
        if product is None:
            raise not_found(wanted)
        return json.dumps(product_document(product), separators=(",", ":")).encode()

    return Response(cache.read_through(wanted, load_json), content_type="application/json")


@blueprint.post("/products")
@auth.requires("products:write")
def create_product() -> ResponseReturnValue:
    given = load(CREATE_PRODUCT, body=json_body())["body"]
    with refusing_taken_sku(given["sku"]), database.autocommit() as session:
        product = session.scalars(insert(Product).values(given).returning(Product)).one()
    return product_document(product), 201, {"Location": f"/products/{product.id}"}


@blueprint.put("/products/<product_id>")
@auth.requires("products:write")
def replace_product(product_id: str) -> ResponseReturnValue:
    request = load(REPLACE_PRODUCT, path={"product_id": product_id}, body=json_body())
    wanted, given = request["path"]["product_id"], request["body"]
    replace = (
        update(Product)
        .where(Product.id == wanted)
        .values(given)
        .returning(Product)
        .execution_options(synchronize_session=False)
    )
    with refusing_taken_sku(given["sku"]), database.autocommit() as session:
        product = session.scalars(replace).one_or_none()
    if product is None:
        raise not_found(wanted)
    cache.forget(wanted)
    return product_document(product)


@blueprint.delete("/products/<product_id>")
@auth.requires("products:write")
def delete_product(product_id: str) -> ResponseReturnValue:
    wanted = path_id("product_id", product_id)
    with database.autocommit() as session:
        deleted = session.scalar(delete(Product).where(Product.id == wanted).returning(Product.id))
    if deleted is None:
        raise not_found(wanted)
    cache.forget(wanted)
    return no_content()


@contextmanager
def refusing_taken_sku(sku: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if not violates(error, SKU_CONSTRAINT):
            raise
        raise Problem("sku-taken", f"Another product has the SKU {sku}") from None


def not_found(product_id: int) -> Problem:
    return Problem("not-found", f"There is no product {product_id}")
