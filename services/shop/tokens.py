"""Whether a bearer token lets a request write. The rules are in the contract's `runtime.md`."""

from __future__ import annotations

import jwt

from shop.problems import Problem, unauthorized

ISSUER = "framework-lab"
AUDIENCE = "shop"
LEEWAY_S = 30
WRITE_SCOPES = "products:write orders:write stock:write"  # every scope that there is


def require_scope(authorization: str | None, scope: str, key: bytes) -> None:
    """Raises Problem (401 or 403) unless the Authorization header carries a valid token with `scope`."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorized("Send Authorization: Bearer with a token")
    try:
        claims = jwt.decode(
            token.strip(),
            key,
            algorithms=["HS256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY_S,
            options={"require": ["iss", "aud", "exp", "scope"]},
        )
    except (jwt.InvalidTokenError, OverflowError) as error:  # OverflowError: an expiry of 1e999
        raise unauthorized(f"The token does not hold: {error}") from None
    granted = claims["scope"]
    if not isinstance(granted, str):
        raise unauthorized("The token does not hold: scope is not a string")
    if scope not in granted.split():
        raise Problem("forbidden", f"The token lacks the scope {scope}")


def mint(key: bytes, scope: str, now: float, lifetime_s: int = 3600) -> str:
    """A token that holds from `now` (Unix seconds) for `lifetime_s`."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(now) + lifetime_s, "scope": scope}
    return jwt.encode(claims, key, algorithm="HS256")
