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


def parsed(payload: str, field: str) -> str:
    """A field of a payload, or for "none": whether the text is no JSON object."""
    value = f"j.{field}" if field != "none" else "case when j is null then 'none' end"
    typed = '{{ typed_json("p", ' + FIELDS + ") }}"
    return f"(select {value} from (select {typed} as j from (select '{payload}' as p) as t) as t)"


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
    "zone: known": (call("known_zone", "'Europe/Berlin'"), "Europe/Berlin"),
    "zone: unknown": (call("known_zone", "'Mars/Olympus'"), None),
    "millis": (call("to_millis", moment("2011-12-06 11:05:00.25")), "1323169500250"),
    "from millis": (call("from_millis", "1323169500250"), "2011-12-06 11:05:00.25"),
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
    "minor: a comma is no number": (call("to_minor", "'12,34'"), None),
    "int": (call("to_int", "' 7 '"), "7"),
    "int: a fraction is rounded": (call("to_int", "'7.6'"), "8"),
    "int: none": (call("to_int", "'seven'"), None),
    "key: null and empty are one, parts kept apart": (
        "{{ key([\"'a'\", 'null', \"'b'\"]) }}", "8e4350bbfbeaae12c71013d7e16e6603",
    ),
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
