"""What the macros that differ between engines must make of which texts, whatever the engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "dbt_project"
LIST = "select 'a' as v, 1 as n union all select 'b', 3 union all select 'c', 3"
FIELDS = '{"a": "text", "b": {"c": "text"}}'
LISTS = '{"a": [{"k": "text", "v": "text"}], "b": ["text"], "c": "pairs"}'


def typed(payload: str, fields: str) -> str:
    """A relation of one row whose column j is the payload, typed."""
    json_object = '{{ typed_json("p", ' + fields + ") }}"
    return f"(select {json_object} as j from (select '{payload}' as p) as t)"


def parsed(payload: str, field: str) -> str:
    """A field of a payload, or for "none": whether the text is no JSON object."""
    value = f"j.{field}" if field != "none" else "case when j is null then 'none' end"
    return f"(select {value} from {typed(payload, FIELDS)} as t)"


def found_by(payload: str, is_: str) -> str:
    """The v of the first entry of the list a whose k is that."""
    value = f"{{{{ field_where('j.a', by='k', is='{is_}', field='v') }}}}"
    return f"(select {value} from {typed(payload, LISTS)} as t)"


def entries(payload: str, items: str, item: str = "item") -> str:
    """All entries of a list with their positions, as one text."""
    rows = '{{ exploded("lists", "l") }}'
    each = f"concat(cast(position as string), '=', coalesce({item}, 'null'))"
    return (
        f"(with lists as (select {items} as l from {typed(payload, LISTS)} as t) "
        f"select {{{{ ordered_list(\"{each}\", 'position') }}}} from {rows} as e)"
    )


def call(macro: str, *arguments: str) -> str:
    """A macro's expression; arguments are SQL."""
    quoted = ", ".join('"' + argument + '"' for argument in arguments)
    return f"{{{{ {macro}({quoted}) }}}}"


def moment(text: str) -> str:
    return f"cast('{text}' as timestamp)"


# name -> (expression, its value as text; None is null)
CASES: dict[str, tuple[str, str | None]] = {
    "json: a field": (parsed('{"a": "x", "b": {"c": "y"}}', "a"), "x"),
    "json: a nested field": (parsed('{"a": "x", "b": {"c": "y"}}', "b.c"), "y"),
    "json: a number as it is written": (parsed('{"a": 12.5}', "a"), "12.5"),
    "json: a field that is not there": (parsed('{"b": {}}', "a"), None),
    "json: an explicit null": (parsed('{"a": null}', "a"), None),
    "json: a text where an object belongs": (parsed('{"a": "x", "b": "y"}', "b.c"), None),
    "json: and what stands beside it": (parsed('{"a": "x", "b": "y"}', "a"), "x"),
    "json: that is an object after all": (parsed('{"a": "x", "b": "y"}', "none"), None),
    "json: cut off": (parsed('{"a": "x", ', "none"), "none"),
    "json: no object but a list": (parsed('[{"a": "x"}]', "none"), "none"),
    "json: no object but a text": (parsed('"x"', "none"), "none"),
    "json: nothing": (parsed("", "none"), "none"),
    "json: space before it": (parsed('  {"a": "x"}', "a"), "x"),
    "json list: its entries, in order": (
        entries('{"a": [{"k": "x", "v": 1}, {"k": "y"}, null]}', "j.a", "item.k"),
        "1=x, 2=y, 3=null",
    ),
    "json list: of texts": (entries('{"b": ["x", 2, null]}', "j.b"), "1=x, 2=2, 3=null"),
    "json list: empty": (entries('{"b": []}', "j.b"), None),
    "json list: that is none": (entries('{"a": "x", "b": ["y"]}', "j.a", "item.k"), None),
    "json list: and what stands beside it": (entries('{"a": "x", "b": ["y"]}', "j.b"), "1=y"),
    "json pairs: any keys": (
        entries('{"c": {"Ads": true, "b c": "no"}}', "map_entries(j.c)",
                "concat(item.key, ':', item.value)"),
        "1=Ads:true, 2=b c:no",
    ),
    "json pairs: that are none": (entries('{"c": ["x"]}', "map_entries(j.c)", "item.key"), None),
    "json field: of the first that is so": (
        found_by('{"a": [{"k": "x", "v": 1}, {"k": "y", "v": 2}, {"k": "y", "v": 3}]}', "y"), "2",
    ),
    "json field: none is so": (found_by('{"a": [{"k": "x", "v": 1}]}', "y"), None),
    "json field: no list": (found_by('{"b": []}', "y"), None),
    "json: a field with a sign in its name": (
        """(select {{ field_named('t.j', '$b') }} from (
        select {{ typed_json("p", {'$b': 'text'}) }} as j from (select '{"$b": "x"}' as p) as t
        ) as t)""",
        "x",
    ),
    "json text: nulls are kept, order too": (
        '{{ json_text({"z": "cast(null as " ~ dbt.type_string() ~ ")", "a": "1", "b": "\'ö\'"}) }}',
        '{"z":null,"a":1,"b":"ö"}',
    ),
    "list: ordered, cut": (
        "(select {{ ordered_list('v', 'n desc, v', most=2) }} from (" + LIST + ") as t)",
        "b, c",
    ),
    "utc: Z": (call("to_utc", "'2011-12-06T11:05:00.250Z'"), "2011-12-06 11:05:00.25"),
    "utc: an offset": (call("to_utc", "'2011-12-06T11:05:00+02:00'"), "2011-12-06 09:05:00"),
    "utc: no zone means UTC": (call("to_utc", "'2011-12-06 11:05:00'"), "2011-12-06 11:05:00"),
    "utc: a day": (call("to_utc", "'2011-12-06'"), "2011-12-06 00:00:00"),
    "utc: no time at all": (call("to_utc", "'tomorrow'"), None),
    "local: winter": (
        call("to_local", moment("2011-12-06 11:05:00"), "'Europe/Berlin'"), "2011-12-06 12:05:00",
    ),
    "local: the hour that comes twice": (
        call("to_local", moment("2011-10-30 00:30:00"), "'Europe/Berlin'"), "2011-10-30 02:30:00",
    ),
    "from local: summer": (
        call("from_local", moment("2011-07-01 08:00:00"), "'America/New_York'"),
        "2011-07-01 12:00:00",
    ),
    "from local: the hour that is left out": (
        call("from_local", moment("2011-03-27 02:30:00"), "'Europe/Berlin'"), "2011-03-27 01:30:00",
    ),
    "local: half an hour of summer time": (
        call("to_local", moment("2011-10-01 15:30:00"), "'Australia/Lord_Howe'"),
        "2011-10-02 02:30:00",
    ),
    "from local: the morning after the clocks went forward": (
        call("from_local", moment("2011-03-27 08:00:00"), "'Europe/London'"), "2011-03-27 07:00:00",
    ),
    "from local: the morning after they went back": (
        call("from_local", moment("2011-11-06 08:00:00"), "'America/New_York'"),
        "2011-11-06 13:00:00",
    ),
    "from local: a clock at a quarter": (
        call("from_local", moment("2011-04-03 08:00:00"), "'Asia/Kathmandu'"),
        "2011-04-03 02:15:00",
    ),
    "weekday: Monday": (call("weekday", moment("2011-10-31 00:00:00")), "1"),
    "weekday: Sunday": (call("weekday", moment("2011-10-30 23:59:59")), "7"),
    "zone: known": (call("known_zone", "'Europe/Berlin'"), "Europe/Berlin"),
    "zone: unknown": (call("known_zone", "'Mars/Olympus'"), None),
    "millis": (call("to_millis", moment("2011-12-06 11:05:00.25")), "1323169500250"),
    "from millis": (call("from_millis", "1323169500250"), "2011-12-06 11:05:00.25"),
    "from micros": (call("from_micros", "'1323169500250001'"), "2011-12-06 11:05:00.250001"),
    "from micros: too many": (call("from_micros", "'13231695002500010'"), None),
    "from micros: no number": (call("from_micros", "'soon'"), None),
    "hex": (call("hex_number", "'fffffff'"), "268435455"),
    "after: milliseconds stay": (
        "{{ after(\"cast('2011-12-06 11:05:00.25' as timestamp)\", 90, 'minute') }}",
        "2011-12-06 12:35:00.25",
    ),
    "after: a day over a month's end": (
        "{{ after(\"cast('2012-02-28 23:00:00' as timestamp)\", 2, 'day') }}",
        "2012-03-01 23:00:00",
    ),
    "minor: rounded": (call("to_minor", "'12.345'"), "1235"),
    "minor: by the currency": (call("to_minor", "'1250'", "'JPY'"), "1250"),
    "minor: thousandths": (call("to_minor", "'1.2345'", "'kwd'"), "1235"),
    "minor: any other currency": (call("to_minor", "'1.25'", "'EUR'"), "125"),
    "minor: no currency": (call("to_minor", "'1.25'", "cast(null as string)"), "125"),
    "minor: a comma is no number": (call("to_minor", "'12,34'"), None),
    "int": (call("to_int", "' 7 '"), "7"),
    "int: a fraction is rounded": (call("to_int", "'7.6'"), "8"),
    "whole: a number": (call("to_whole", "' 1250 '"), "1250"),
    "whole: said with a point": (call("to_whole", "'1250.0'"), "1250"),
    "whole: a fraction is none": (call("to_whole", "'12.50'"), None),
    "whole: no number": (call("to_whole", "'twelve'"), None),
    "int: none": (call("to_int", "'seven'"), None),
    "key: null and empty are one, parts kept apart": (
        "{{ key([\"'a'\", 'null', \"'b'\"]) }}", "8e4350bbfbeaae12c71013d7e16e6603",
    ),
    "event name: as others write it": (call("event_name", "' Product-viewed '"), "Product Viewed"),
    "event name: another tracker's": (call("event_name", "'begin_checkout'"), "Checkout Started"),
    "event name: of its own": (call("event_name", "' Kettle boiled '"), "Kettle boiled"),
    "event name: none": (call("event_name", "' '"), None),
    "page: no query": (call("page_of", "'https://a.example/b?c=d#e'"), "https://a.example/b"),
    "campaign: among others": (
        call("campaign_of", "'https://a.example/b?utm_source=x&utm_campaign=spring+sale&c=1#e'"),
        "spring sale",
    ),
    "campaign: none": (call("campaign_of", "'https://a.example/utm_campaign=x?my_utm_campaign=y'"),
                       None),
    "percentile": ("{{ percentile_of([\"'a'\"]) }}", "23"),
}  # fmt: skip


def values(folder: Path, environment: dict[str, str]) -> dict[str, str | None]:
    """What an engine makes of every case: one query, each value as text."""
    rows = " union all ".join(
        f"select {number} as n, cast({expression} as {{{{ dbt.type_string() }}}}) as v"
        for number, (expression, _) in enumerate(CASES.values())
    )
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--quiet", "show", "--inline", rows,
         "--limit", "-1", "--output", "json", "--project-dir", PROJECT, "--profiles-dir", PROJECT,
         "--target-path", folder, "--log-path", folder],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    shown = json.loads(done.stdout[done.stdout.index("{") :])["show"]
    found = {int(row["n"]): row["v"] for row in shown}
    return {name: found[number] for number, name in enumerate(CASES)}


def expected() -> dict[str, str | None]:
    """What every engine has to make of them."""
    return {name: value for name, (_, value) in CASES.items()}
