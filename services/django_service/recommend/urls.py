from __future__ import annotations

from django.urls import path

from django_service.recommend.views import Recommendations

urlpatterns = [path("recommendations", Recommendations.as_view())]
