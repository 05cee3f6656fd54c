"""Clusters: kind, which the lab creates, and any context that is named."""
