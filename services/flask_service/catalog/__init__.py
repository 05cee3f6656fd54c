"""The catalog's products: list, search, read, create, replace, delete."""
