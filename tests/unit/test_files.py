"""Sources of files: batches and captured requests, clocks, S3, sizes, Parquet."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import boto3
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from connectors.core import registry
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.files import lines
from connectors.core.files import source as files
from tests.unit.files_kit import AS_OF, context_of, keys, read, records

NOW = "2011-12-06T11:00:00Z"
SECRET = "c4nary-s3cret"


def event(key: str, **more: object) -> dict[str, object]:
    return {"messageId": key, "type": "track", **more}


def put(folder: Path, *values: object, name: str = "1.jsonl") -> Path:
    text = b"".join(
        (value if isinstance(value, bytes) else orjson.dumps(value)) + b"\n" for value in values
    )
    (folder / name).write_bytes(text)
    return folder


def test_a_batch_is_taken_apart_and_its_times_go_to_events_that_have_none(tmp_path: Path) -> None:
    own = event("b", sentAt="2011-12-06T10:00:00Z")
    batch = {"batch": [event("a"), own], "sentAt": NOW, "receivedAt": NOW, "writeKey": "w"}
    pages, _ = read(context_of("segment", put(tmp_path, batch, event("c"))))
    assert keys(pages) == ["a", "b", "c"]
    first, second = (orjson.loads(record.payload) for record in records(pages)[:2])
    assert first == event("a", sentAt=NOW, receivedAt=NOW)
    assert second == {**own, "receivedAt": NOW}


@pytest.mark.parametrize("written", [lambda body: body, json.dumps], ids=["json", "text"])
def test_a_captured_request_holds_an_event_or_a_batch(
    tmp_path: Path, written: Callable[[object], object]
) -> None:
    def request(body: object) -> dict[str, object]:
        head = {"method": "POST", "path": "/v1/t", "headers": {"authorization": SECRET}}
        return {**head, "receivedAt": NOW, "body": written(body)}

    lines_ = [request(event("a")), request({"batch": [event("b"), event("c")]})]
    pages, _ = read(context_of("segment", put(tmp_path, *lines_)))
    assert keys(pages) == ["a", "b", "c"]
    assert SECRET not in str(records(pages))
    assert {orjson.loads(record.payload)["receivedAt"] for record in records(pages)} == {NOW}


def test_a_form_of_base64_is_opened_and_a_body_that_cannot_be_lands_as_it_is(
    tmp_path: Path,
) -> None:
    batch = json.dumps({"batch": [{"uuid": "a", "event": "x"}]})
    packed = quote(base64.b64encode(batch.encode()).decode())
    head = {"method": "POST", "path": "/e/", "headers": {}}
    closed = {**head, "body": "\x1f\x8b not to be read"}
    folder = put(tmp_path, {**head, "body": f"data={packed}"}, closed)
    pages, _ = read(context_of("posthog", folder))
    assert keys(pages)[0] == "a"
    assert orjson.loads(records(pages)[1].payload) == closed


def test_a_bad_event_does_not_spoil_its_batch_and_numbers_keep_their_digits(tmp_path: Path) -> None:
    big = b"123456789012345678901234567890"
    text = (
        b'{"batch": [{"messageId": "a", "n": ' + big + b'}, 7, "x", null,'
        b' {"messageId": "b", "n": NaN}], "sentAt": "' + NOW.encode() + b'"}'
    )
    pages, _ = read(context_of("segment", put(tmp_path, text)))
    a, seven, x, null, b = records(pages)
    assert (a.key, b.key) == ("a", "b")
    assert big.decode() in a.payload
    assert "NaN" in b.payload
    assert [seven.payload, x.payload, null.payload] == ["7", '"x"', "null"]


def test_a_line_whose_batch_is_not_over_at_as_of_waits_as_a_whole(tmp_path: Path) -> None:
    later = "2011-12-06T11:05:01Z"
    folder = put(tmp_path, {"batch": [event("a", receivedAt=NOW), event("b", receivedAt=later)]})
    pages, following = read(context_of("segment", folder))
    assert keys(pages) == []
    pages, _ = read(replace(following, as_of=AS_OF + timedelta(seconds=1)))
    assert keys(pages) == ["a", "b"]


def test_a_sender_whose_clock_is_ahead_holds_nothing_up_in_a_run_of_this_very_minute(
    tmp_path: Path,
) -> None:
    folder = put(tmp_path, event("a", sentAt="2011-12-06T20:00:00Z"), event("b", sentAt=NOW))
    past = context_of("segment", folder)
    assert keys(read(past)[0]) == []
    live = replace(past, settled=AS_OF - timedelta(minutes=1))
    pages, _ = read(live)
    assert [(record.key, record.at is None) for record in records(pages)] == [
        ("a", True),
        ("b", False),
    ]
    put(tmp_path, event("a", receivedAt="2011-12-06T20:00:00Z"), event("b", sentAt=NOW))
    assert keys(read(live)[0]) == []


def test_pages_are_cut_by_bytes_and_a_line_without_an_end_is_given_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PAGE_BYTES", 1_000)
    monkeypatch.setattr(lines, "LINE_BYTES", 500)
    wide = [event(f"k{n}", filler="x" * 400) for n in range(9)]
    pages, following = read(context_of("segment", put(tmp_path, *wide, b"y" * 1_200, event("z"))))
    assert max(len(page.records) for page in pages) <= 3
    assert keys(pages)[:9] == [f"k{n}" for n in range(9)]
    assert [len(record.payload) for record in records(pages)[9:12]] == [500, 500, 200]
    assert keys(pages)[12:] == ["z"]
    assert read(following)[0] == []


def test_rows_of_parquet_are_events_whatever_is_nested_in_them(tmp_path: Path) -> None:
    rows = [
        {"uuid": f"u{n}", "event": "x", "properties": json.dumps({"n": n}), "tags": [{"k": "a"}]}
        for n in range(2_500)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "1.parquet")
    given = context_of("posthog", tmp_path)
    pages, following = read(given)
    assert keys(pages) == [row["uuid"] for row in rows]
    assert orjson.loads(records(pages)[2_000].payload) == {
        **rows[2_000],
        "properties": {"n": 2_000},
    }
    assert read(following)[0] == []
    middle = replace(given, cursors={"1.parquet": '{"line":2100,"size":1}'})
    assert keys(read(middle)[0]) == [row["uuid"] for row in rows[2_100:]]


def test_a_parquet_file_that_is_not_whole_yet_is_read_when_it_is(tmp_path: Path) -> None:
    pq.write_table(pa.table({"uuid": ["a"], "event": ["x"]}), tmp_path / "1.parquet")
    whole = (tmp_path / "1.parquet").read_bytes()
    (tmp_path / "1.parquet").write_bytes(whole[:-20])
    put(tmp_path, {"uuid": "b", "event": "x"}, name="2.ndjson")
    pages, following = read(context_of("posthog", tmp_path))
    assert keys(pages) == ["b"]
    (tmp_path / "1.parquet").write_bytes(whole)
    assert keys(read(following)[0]) == ["a"]


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The address of an S3 on loopback, with a bucket."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    bucket(f"http://{host}:{port}").create_bucket(Bucket="parley-web")
    yield f"http://{host}:{port}"
    server.stop()


def bucket(address: str) -> boto3.client:
    return boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id="k",
        aws_secret_access_key="s",
        region_name="us-east-1",
    )


def on_s3(address: str, url: str = "s3://parley-web/segment") -> dict[str, object]:
    options = {
        "endpoint_url": address,
        "client_kwargs": '{"region_name": "us-east-1"}',
        "config_kwargs": '{"retries": {"max_attempts": 0}}',
    }
    return {"vendor": "segment", "url": url, "user": "k", "password": SECRET, "options": options}


def test_an_archive_in_s3_is_read_and_read_on(store: str) -> None:
    given = context_of(**on_s3(store))
    assert read(given)[0] == []
    client = bucket(store)
    client.put_object(Bucket="parley-web", Key="segment/d/1.jsonl", Body=orjson.dumps(event("a")))
    client.put_object(Bucket="parley-web", Key="other/1.jsonl", Body=orjson.dumps(event("x")))
    pages, following = read(given)
    assert [(page.part, page.done) for page in pages] == [("d/1.jsonl", True)]
    assert keys(pages) == ["a"]
    grown = orjson.dumps(event("a")) + b"\n" + orjson.dumps(event("b"))
    client.put_object(Bucket="parley-web", Key="segment/d/1.jsonl", Body=grown)
    assert keys(read(following)[0]) == ["a", "b"]
    found = registry.source("segment").check("web", given.settings)
    assert [finding.what for finding in found] == ["1 files of events"]


def test_what_s3_refuses_is_an_error_with_a_remedy_and_no_secret(store: str) -> None:
    with pytest.raises(FixConfig, match="does not exist") as missing:
        read(context_of(**on_s3(store, "s3://no-such-bucket/segment")))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(RetryLater) as away:
            read(context_of(**on_s3(address)))
    for error in (missing.value, away.value):
        assert SECRET not in repr(error)
        assert error.__cause__ is None
