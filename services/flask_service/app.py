"""The application factory: one Flask application for the role that the settings name."""

from __future__ import annotations

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from shop.settings import Role, Settings

from flask_service import errors, ping
from flask_service.catalog import views as catalog
from flask_service.extensions import auth, cache, database, prices
from flask_service.orders import views as orders


class MembersAsWritten(DefaultJSONProvider):
    sort_keys = False


def create_app(settings: Settings) -> Flask:
    """Registers only the blueprints of the role, so that another role's paths are 404."""
    app = Flask("flask_service", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.json = MembersAsWritten(app)
    app.url_map.merge_slashes = False
    errors.register(app)
    app.register_blueprint(ping.blueprint)
    if settings.database is not None:
        auth.init_app(app, settings.token_key)
        database.init_app(app, settings.database, settings.database_connections)
    match settings.role:
        case Role.CATALOG if settings.database is not None:
            cache.init_app(app, settings.cache_url, key_prefix=settings.database.name)
            app.register_blueprint(catalog.blueprint)
        case Role.ORDERS:
            prices.init_app(app, settings.catalog_url, orders_at_once=settings.database_connections)
            app.register_blueprint(orders.blueprint)
    return app
