"""Records of a shop and its site, as their sources land them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from days_kit import Record


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def order(key: str, at: datetime, user: str, **fields: Any) -> Record:
    payload = {"order_id": key, "customer_id": user, "channel": "web", "currency": "GBP"}
    told = {**payload, "amount_minor": "1250", "ordered_at": iso(at), **fields}
    return key, "upsert", json.dumps(told)


def line(key: str, order_id: str, product: str) -> Record:
    payload = {"line_id": key, "order_id": order_id, "product_id": product, "quantity": "1"}
    return key, "upsert", json.dumps({**payload, "amount_minor": "625"})


def product(key: str, category: str, **fields: Any) -> Record:
    payload = {"product_id": key, "name": key, "category": category, "price_minor": "625"}
    return key, "upsert", json.dumps({**payload, "currency": "GBP", **fields})


def event(
    key: str, at: datetime, user: str, name: str, campaign: str = "", **properties: Any
) -> Record:
    told = {"type": "track", "event": name, "messageId": key, "userId": user}
    stamps = {"originalTimestamp": iso(at), "receivedAt": iso(at)}
    context = {"context": {"campaign": {"name": campaign}}} if campaign else {}
    return key, "upsert", json.dumps({**told, **stamps, **context, "properties": properties})
