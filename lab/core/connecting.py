"""Which failures to connect pass by themselves. Pure."""

from __future__ import annotations

import errno

# A cluster's Service may answer so for a second or two after its first replica is ready.
PASSING = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH})


def passes(error: OSError) -> bool:
    """Whether it is worth trying again."""
    return error.errno in PASSING
