"""Source `snowplow`: files of Snowplow events: enriched rows as JSON, or captured tracker requests.

An enriched row has the columns of `atomic.events`; self-describing events and contexts are named
as Snowplow's analytics SDKs name them. What trackers send (the protocol's tp2: a request with
`data`, a list of payloads) is given those same names, with what was base64 opened.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from connectors.core.clock import iso_z
from connectors.core.files.captured import Event, json_in, json_in_base64, taken_apart
from connectors.core.files.formats import SUFFIXES, FileFormat, first_id, first_instant
from connectors.core.files.source import file_source
from connectors.core.spec import Stream

VENDOR = "snowplow"
EVENTS = Stream(
    name="events",
    key="event_id",
    cursor="collector_tstamp",
    people={"user_id": ("user_id",), "device": ("domain_userid", "network_userid")},
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = {
    "aid": "app_id", "p": "platform", "eid": "event_id", "uid": "user_id", "duid": "domain_userid",
    "nuid": "network_userid", "vid": "domain_sessionidx", "sid": "domain_sessionid",
    "url": "page_url", "page": "page_title", "refr": "page_referrer", "ua": "useragent",
    "lang": "br_lang", "tz": "os_timezone", "ip": "user_ipaddress", "se_ca": "se_category",
    "se_ac": "se_action", "se_la": "se_label", "se_pr": "se_property", "se_va": "se_value",
    "tr_id": "tr_orderid", "tr_tt": "tr_total", "tr_cu": "tr_currency", "ti_id": "ti_orderid",
    "ti_sk": "ti_sku", "ti_pr": "ti_price", "ti_qu": "ti_quantity", "ti_cu": "ti_currency",
    "ue_pr": "unstruct_event", "co": "contexts", "receivedAt": "collector_tstamp",
}  # fmt: skip
_PACKED = {"ue_px": "unstruct_event", "cx": "contexts"}
_TEXTS = ("unstruct_event", "contexts")
_TIMES = {"dtm": "dvce_created_tstamp", "stm": "dvce_sent_tstamp", "ttm": "true_tstamp"}
_KINDS = {
    "pv": "page_view", "pp": "page_ping", "se": "struct", "ue": "unstruct", "tr": "transaction",
    "ti": "transaction_item",
}  # fmt: skip
_SCHEMA = re.compile(r"iglu:([^/]+)/([^/]+)/[^/]+/(\d+)")


def apart(line: Event) -> list[Any]:
    """The events of a line, all with the names of enriched rows."""
    events = taken_apart(line, listed="data", told=("receivedAt",))
    return [_named(event) if isinstance(event, dict) else event for event in events]


def _named(event: Event) -> Event:
    plain = _row_of(event) if "e" in event else event
    opened = {name: json_in(plain[name]) for name in _TEXTS if name in plain}
    own, contexts = _own(opened.get(_TEXTS[0])), _contexts(opened.get(_TEXTS[1]))
    return plain | opened | own | contexts if opened else plain


def _row_of(payload: Event) -> Event:
    """A tracker's payload with the names of an enriched row, and nothing of it in base64."""
    row: Event = {_NAMES.get(name, name): value for name, value in payload.items()}
    row |= {name: _instant(payload[code]) for code, name in _TIMES.items() if code in payload}
    row["event"] = _KINDS.get(str(payload["e"]), payload["e"])
    for code, name in _PACKED.items():
        if code in row:
            row[name] = json_in_base64(row.pop(code))
    return row


def _instant(millis: object) -> object:
    try:
        return iso_z(_EPOCH + timedelta(milliseconds=int(str(millis))))
    except (ValueError, OverflowError):
        return millis


def _own(wrapped: object) -> Event:
    """A self-describing event, {"data": {"schema", "data"}}, as the column that it has enriched."""
    inner = wrapped.get("data") if isinstance(wrapped, dict) else None
    if isinstance(inner, dict) and (name := _column(inner)):
        return {"event_name": name[0], f"unstruct_event_{name[1]}": inner["data"]}
    return {}


def _contexts(wrapped: object) -> Event:
    """Contexts, {"data": [{"schema", "data"}, …]}, as columns: each a list."""
    listed = wrapped.get("data") if isinstance(wrapped, dict) else None
    columns: dict[str, list[Any]] = {}
    for inner in listed if isinstance(listed, list) else []:
        if isinstance(inner, dict) and (name := _column(inner)):
            columns.setdefault(f"contexts_{name[1]}", []).append(inner["data"])
    return columns


def _column(inner: Event) -> tuple[str, str] | None:
    """The schema's name, and what its column is called: vendor, name and major version."""
    schema = inner.get("schema") if "data" in inner else None
    found = _SCHEMA.match(schema) if isinstance(schema, str) else None
    if found is None:
        return None
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", found[2]).replace("-", "_").lower()
    vendor = found[1].replace(".", "_").replace("-", "_").lower()
    return name, f"{vendor}_{name}_{found[3]}"


FORMAT = FileFormat(
    apart=apart,
    arrived=partial(first_instant, ("collector_tstamp",)),
    told=partial(first_instant, ("dvce_sent_tstamp", "dvce_created_tstamp")),
    key=partial(first_id, ("event_id",)),
    suffixes=(*SUFFIXES, ".parquet"),
)
SPEC = file_source(
    VENDOR,
    EVENTS,
    FORMAT,
    "Events of Snowplow, enriched or as sent. url: a folder, s3:// or gs://.",
)
