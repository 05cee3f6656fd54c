"""The extensions that views use; the factory binds them to an application."""

from __future__ import annotations

from flask_service.auth import Auth
from flask_service.cache import ProductCache
from flask_service.database import Database
from flask_service.listener import Listener
from flask_service.prices import Prices
from flask_service.recommender import Recommender

auth = Auth()
cache = ProductCache()
database = Database()
listener = Listener()
prices = Prices()
recommender = Recommender()
