"""The smallest answer."""
