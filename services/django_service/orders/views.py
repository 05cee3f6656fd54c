from __future__ import annotations

from contextlib import ExitStack

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from serving.streams import ENVIRON_KEY, Full, Streams
from shop import cursor
from shop.problems import too_many_streams
from shop.streams import CACHE_CONTROL, MEDIA_TYPE

from django_service.api.fields import ID_TEXT
from django_service.api.requests import CURSOR, DEFAULT_LIMIT, LIMIT, Inputs, authorize, json_body, path_id
from django_service.api.responses import json_response
from django_service.api.views import ApiView
from django_service.orders import services
from django_service.orders.documents import KEY, ORDER, STATUS, STOCK, TRANSITION, document, first_document
from django_service.orders.events import Events
from django_service.orders.listening import listener
from django_service.orders.models import Order, Stock


class OrderList(ApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        inputs = Inputs(request)
        limit = inputs.query("limit", LIMIT, DEFAULT_LIMIT)
        last_id = inputs.query("cursor", CURSOR)
        status = inputs.query("status", STATUS)
        inputs.check()
        orders = Order.objects.before(last_id).with_lines()
        if status is not None:
            orders = orders.filter(status=status)
        found = list(orders[: limit + 1])
        page = found[:limit]
        next_cursor = cursor.encode(page[-1].id) if len(found) > limit else None
        return json_response(
            {"items": [document(order, order.lines.all()) for order in page], "next_cursor": next_cursor}
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        authorize(request, "orders:write")
        inputs = Inputs(request)
        fields = inputs.body(ORDER, json_body(request))
        key = inputs.header("Idempotency-Key", KEY)
        inputs.check()
        lines = [(line["product_id"], line["quantity"]) for line in fields["lines"]]
        order, written, replayed = services.place(key, lines)
        headers = {"Location": f"/orders/{order.id}"}
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        return json_response(first_document(order, written), status=201, headers=headers)


class OrderDetail(ApiView):
    def get(self, request: HttpRequest, order_id: str) -> HttpResponse:
        pk = path_id(request, "order_id", order_id)
        order = get_object_or_404(Order, pk=pk)
        return json_response(document(order, order.lines.order_by("position")))


class OrderTransitions(ApiView):
    def post(self, request: HttpRequest, order_id: str) -> HttpResponse:
        authorize(request, "orders:write")
        inputs = Inputs(request)
        fields = inputs.body(TRANSITION, json_body(request))
        pk = inputs.path("order_id", ID_TEXT, order_id)
        inputs.check()
        return json_response(document(*services.move(pk, fields["to"])))


class OrderEvents(ApiView):
    def get(self, request: HttpRequest, order_id: str) -> HttpResponseBase:
        inputs = Inputs(request)
        pk = inputs.path("order_id", ID_TEXT, order_id)
        last_id = inputs.header("Last-Event-ID", ID_TEXT, default=0)
        inputs.check()
        streams: Streams = request.META[ENVIRON_KEY]
        with ExitStack() as unless_followed:
            try:
                stream = unless_followed.enter_context(streams.open(str(pk), request.META["gunicorn.socket"]))
            except Full as full:
                raise too_many_streams(full.most) from None
            listener.listen(streams)
            events = Events(pk, last_id, stream)
            if events.over and not events.known:
                return HttpResponse(status=204)
            if request.method != "HEAD":
                unless_followed.pop_all()  # the response closes the events
            return StreamingHttpResponse(
                () if request.method == "HEAD" else events,
                content_type=MEDIA_TYPE,
                headers={"Cache-Control": CACHE_CONTROL},
            )


class StockDetail(ApiView):
    def put(self, request: HttpRequest, product_id: str) -> HttpResponse:
        authorize(request, "stock:write")
        inputs = Inputs(request)
        fields = inputs.body(STOCK, json_body(request))
        pk = inputs.path("product_id", ID_TEXT, product_id)
        inputs.check()
        Stock.objects.put(pk, fields["quantity"])
        return json_response({"product_id": pk, "quantity": fields["quantity"]})
