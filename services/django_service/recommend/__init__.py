"""Which products are nearest to an embedding."""
