"""The application factory: one Flask application for the role that the settings name."""

from __future__ import annotations

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from shop.settings import Role, Settings
from telemetry import libraries
from telemetry.setup import OFF, Telemetry

from flask_service import docs, errors, ping
from flask_service.catalog import views as catalog
from flask_service.extensions import auth, cache, database, listener, prices, recommender
from flask_service.orders import views as orders
from flask_service.recommend import views as recommend


class MembersAsWritten(DefaultJSONProvider):
    sort_keys = False


def create_app(settings: Settings, telemetry: Telemetry = OFF) -> Flask:
    """Registers only the blueprints of the role, so that another role's paths are 404.

    Its pools tell of themselves what `telemetry` asks for; `instrumentation.instrument` lets its requests do so.
    """
    app = Flask("flask_service", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.json = MembersAsWritten(app)
    app.url_map.merge_slashes = False
    errors.register(app)
    app.register_blueprint(ping.blueprint)
    docs.init_app(app, settings.role)
    if settings.database is not None:
        auth.init_app(app, settings.token_key)
        database.init_app(app, settings.database, settings.database_connections, telemetry)
    match settings.role:
        case Role.CATALOG if settings.database is not None:
            cache.init_app(app, settings.cache_url, key_prefix=settings.database.name)
            libraries.instrument_redis(telemetry)
            app.register_blueprint(catalog.blueprint)
        case Role.ORDERS if settings.database is not None:
            app.config["STREAM_MAX_S"] = settings.stream_max_s
            listener.init_app(app, settings.database)
            prices.init_app(app, settings.catalog_url, settings.database_connections, telemetry)
            app.register_blueprint(orders.blueprint)
        case Role.RECOMMEND if settings.model is not None:
            recommender.init_app(app, settings.model)
            app.register_blueprint(recommend.blueprint)
    return app
