"""The nearest products: the model-serving endpoint."""
