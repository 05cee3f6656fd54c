"""The operation of the recommend role."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from flask_service.extensions import recommender
from flask_service.inputs import json_body, load
from flask_service.recommend.schemas import Recommend

blueprint = Blueprint("recommend", __name__)

RECOMMEND = Recommend()


@blueprint.post("/recommendations")
def recommend() -> ResponseReturnValue:
    given = load(RECOMMEND, body=json_body())["body"]
    return {
        "neighbours": [
            [{"product_id": product_id, "squared_distance": distance} for product_id, distance in neighbours]
            for neighbours in recommender.nearest(given["embeddings"], given["k"])
        ]
    }
