from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from django_service.api.views import ApiView

PONG = b'{"status":"ok"}'


class Ping(ApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(PONG, content_type="application/json")
