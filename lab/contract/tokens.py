"""Tokens that hold, and tokens that break one rule of `runtime.md` each, which no library would sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

LIFETIME_S = 3600
_DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_OTHER_KEY = b"another key, as long as the first one must be"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Mints with `key`; `clock` tells Unix seconds."""

    key: bytes
    clock: Callable[[], float]

    @property
    def now(self) -> int:
        return int(self.clock())

    def bearer(self, scope: Any, **changes: Any) -> str:
        """The Authorization header of a token that holds for an hour, but for the changes (see `mint`)."""
        return f"Bearer {self.mint(scope, **changes)}"

    def mint(self, scope: Any, *, algorithm: str = "HS256", key: bytes | None = None, **claims: Any) -> str:
        """`claims` replace those of a token that holds; None leaves one out."""
        whole = {"iss": "framework-lab", "aud": "shop", "exp": self.now + LIFETIME_S, "scope": scope, **claims}
        payload = {name: value for name, value in whole.items() if value is not None}
        signed = f"{_encoded(_json({'alg': algorithm, 'typ': 'JWT'}))}.{_encoded(_json(payload))}"
        if algorithm == "none":
            return f"{signed}."
        signature = hmac.digest(self.key if key is None else key, signed.encode(), _DIGESTS[algorithm])
        return f"{signed}.{_encoded(signature)}"

    def refused(self, scope: str) -> Mapping[str, str | None]:
        """Authorization headers that are 401, by what is wrong with them."""
        good = self.mint(scope)
        head, payload, signature = good.split(".")
        other_payload = self.mint(scope, exp=self.now + 2 * LIFETIME_S).split(".")[1]
        return {
            "no token": None,
            "another scheme": f"Basic {good}",
            "no scheme": good,
            "garbage": "Bearer garbage",
            "a token of two parts": f"Bearer {head}.{payload}",
            "a payload that was not signed": f"Bearer {head}.{other_payload}.{signature}",
            "no signature": f"Bearer {head}.{payload}.",
            "alg none": self.bearer(scope, algorithm="none"),
            "alg HS384": self.bearer(scope, algorithm="HS384"),
            "alg HS512": self.bearer(scope, algorithm="HS512"),
            "another key": self.bearer(scope, key=_OTHER_KEY),
            "expired beyond the leeway": self.bearer(scope, exp=self.now - 120),
            "no exp": self.bearer(scope, exp=None),
            "exp as text": self.bearer(scope, exp="tomorrow"),
            "another iss": self.bearer(scope, iss="someone-else"),
            "no iss": self.bearer(scope, iss=None),
            "another aud": self.bearer(scope, aud="warehouse"),
            "a list of other aud": self.bearer(scope, aud=["warehouse", "office"]),
            "no aud": self.bearer(scope, aud=None),
            "no scope claim": self.bearer(None),
            "scope as a list": self.bearer([scope]),
        }

    def accepted(self, scope: str) -> Mapping[str, str]:
        """Authorization headers that hold, by what is special about them."""
        return {
            "expired within the leeway": self.bearer(scope, exp=self.now - 10),
            "aud as a list": self.bearer(scope, aud=["warehouse", "shop"]),
            "one scope among several": self.bearer(f"reports:read {scope} something:else"),
        }

    def lacking(self, scope: str) -> Mapping[str, str]:
        """Authorization headers that are 403: they hold, without the scope."""
        return {
            "an empty scope": self.bearer(""),
            "a scope that only begins like it": self.bearer(f"{scope}r"),
            "another scope": self.bearer("reports:read"),
        }


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
