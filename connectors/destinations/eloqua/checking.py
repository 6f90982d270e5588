"""Whether the account can be used: log-in, rights, lists and fields that the options name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.core.errors import ParleyError
from connectors.core.payload import at_path
from connectors.core.spec import Finding
from connectors.core.vendors.eloqua import BULK, Bulk
from connectors.destinations.eloqua.options import ADDRESS, Options

EMAIL = "C_EmailAddress"


def findings(connected: Callable[[], Bulk], options: Callable[[], Options]) -> list[Finding]:
    """Say it all; nothing is changed at Eloqua."""
    try:
        named = options()
        bulk = connected()
        fields = bulk.fields("contacts")
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]
    ready = Finding("ok", "Eloqua knows the credentials, and its Bulk API can be used")
    return [ready, *_fields(named, fields), *_lists(named, bulk)]


def _fields(options: Options, fields: dict[str, str]) -> Iterator[Finding]:
    if fields.get(EMAIL) != ADDRESS:
        what = f"contacts have no field {EMAIL} that the credentials may see"
        yield Finding("error", what, "Give their user the right to contacts.")
    for name, field in options.fields.items():
        if field not in fields:
            what = f"contacts have no field {field}, which was to show {name}"
            yield Finding("error", what, "Make it at Eloqua, or correct the option fields.")


def _lists(options: Options, bulk: Bulk) -> Iterator[Finding]:
    if not options.lists:
        what = "no programme has a list: audiences can be kept, messages not"
        yield Finding("warning", what, "Set the option lists: cart=1201, welcome=1202.")
    for programme, list_id in options.lists.items():
        try:
            found = bulk.client.get(f"{BULK}/contacts/lists/{list_id}").body
        except ParleyError as error:
            what = f"{programme}: list {list_id} cannot be read: {error.what}"
            yield Finding("error", what, "Share the list at Eloqua, or correct its id.")
        else:
            count = at_path(found, "count")
            many = f", {count:,} contacts" if isinstance(count, int) else ""
            yield Finding("ok", f"{programme}: list {list_id} can be used{many}")
