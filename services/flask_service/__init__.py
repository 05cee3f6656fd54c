"""The shop in Flask: an application factory, a blueprint for each domain, SQLAlchemy and marshmallow."""
