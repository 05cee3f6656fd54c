"""The shop on Django: WSGI, the ORM, one app for each domain."""
