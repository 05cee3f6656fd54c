"""The contract checker, and the variants against it."""
