from __future__ import annotations

from typing import cast

from django.apps import apps
from django.http import HttpRequest, HttpResponse

from django_service.api.requests import Inputs, json_body
from django_service.api.responses import json_response
from django_service.api.views import ApiView
from django_service.recommend.apps import RecommendConfig
from django_service.recommend.documents import RECOMMENDATION, document

nearest = cast(RecommendConfig, apps.get_app_config("recommend")).nearest


class Recommendations(ApiView):
    def post(self, request: HttpRequest) -> HttpResponse:
        inputs = Inputs(request)
        fields = inputs.body(RECOMMENDATION, json_body(request))
        inputs.check()
        return json_response(document(nearest.of(fields["embeddings"], fields["k"])))
