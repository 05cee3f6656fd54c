"""Whether a request may write: a decorator for views, over the shop's token rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, current_app, request
from shop.tokens import require_scope

P = ParamSpec("P")
R = TypeVar("R")


class Auth:
    def init_app(self, app: Flask, key: bytes) -> None:
        app.extensions["auth"] = key

    def requires(self, scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """The view runs only for a token with `scope`; otherwise 401 or 403 is raised."""

        def decorate(view: Callable[P, R]) -> Callable[P, R]:
            @wraps(view)
            def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
                require_scope(request.headers.get("Authorization"), scope, current_app.extensions["auth"])
                return view(*args, **kwargs)

            return guarded

        return decorate
