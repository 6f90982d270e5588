"""Where messages and lists go: what there is, whether it is set up, and what would leave."""

from __future__ import annotations

import inspect
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from rich.markup import escape

from connectors.core import registry
from connectors.core.errors import FixConfig, ParleyError
from connectors.core.rehearsal import Rehearsal
from connectors.core.spec import Finding
from connectors.ledger import runs
from connectors.ledger.emission.audience import SLICES, audience_path, chunks
from connectors.ledger.emission.outgoing import out_messages
from connectors.ledger.lists.sync import member
from connectors.ledger.lists.wanted import Audience
from flows import sync
from flows.run import ledger_of
from flows.sources import show_findings
from flows.terminal import console, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from connectors.core.delivery import OutMessage
    from connectors.core.rehearsal import Noted
    from connectors.core.settings import Settings

HIDDEN = "•••"
_KIND = re.compile(r"^Destination `\w+`: ")


def show_all(settings: Settings) -> None:
    """List the destinations: what each does and takes, whether it is set up and reaches people.

    Below stands how each is set up that is not, and which options there are.
    """
    made = table("Destinations", "name", "what it does", "lists", "set up", "reaches people")
    targets, how = registry.known_targets(), []
    for name in registry.known_destinations():
        does, _, connecting = about(name).partition(". ")
        missing, is_live = _state(settings, name)
        is_set = "[yellow]no[/]" if missing else "[green]yes[/]"
        lists = "yes" if name in targets else "no"
        shown = escape(does[:1].upper() + does[1:].removesuffix("."))
        made.add_row(name, shown, lists, is_set, is_live)
        how.append(_how(name, f"{missing}. {connecting}" if missing else ""))
    console.print(made)
    for line in filter(None, how):
        console.print(line, soft_wrap=True)
    console.print(
        "\nPARLEY_DESTINATIONS__<NAME>__TOKEN=… (or __URL, __USER, __PASSWORD) sets one up,"
        "\n__OPTIONS__<OPTION>=… an option; SMTP has settings of its own: see .env.example."
        "\n`parley destinations check` asks each, `requests` shows what would leave."
    )


def _state(settings: Settings, name: str) -> tuple[str, str]:
    """What is missing, '' where nothing is, and whether it reaches people."""
    try:
        made = registry.destination(name)(settings)
    except FixConfig as error:
        return error.what, ""
    return "", "yes" if getattr(made, "is_live", False) else "no"


def _how(name: str, connecting: str) -> str:
    """A line on how a destination is set up; '' where there is nothing to set."""
    known = registry.destination_part(name, "OPTIONS")
    options = f"Options: {', '.join(known)}." if isinstance(known, dict) and known else ""
    said = " ".join(part for part in (connecting.strip(), options) if part)
    return f"[bold]{name}[/]: {escape(said)}" if said else ""


def about(name: str) -> str:
    """What a destination does and how it is connected, in its own words."""
    told = registry.destination_part(name, "ABOUT")
    if isinstance(told, str):
        return told
    first = str(registry.destination_part(name, "__doc__") or "").partition("\n")[0]
    return _KIND.sub("", first)


def check_all(settings: Settings, only: str | None = None) -> bool:
    """Ask every destination, or one; print what was found. Whether nothing is wrong.

    Of all of them, those that nobody has set up are only named.

    Raises:
        FixConfig: there is no destination of that name.
    """
    is_well = True
    for name in [only] if only else registry.known_destinations():
        is_asked_for = only is not None or name in settings.destinations
        findings = _findings(settings, name, is_asked_for=is_asked_for)
        show_findings(name, findings)
        is_well = is_well and all(each.level != "error" for each in findings)
    return is_well


def _findings(settings: Settings, name: str, *, is_asked_for: bool) -> list[Finding]:
    factory = registry.destination(name)
    try:
        factory(settings)
    except FixConfig as error:
        return [Finding("error" if is_asked_for else "warning", error.what, error.remedy)]
    check = registry.destination_part(name, "check")
    if not callable(check):
        return [Finding("ok", "it is set up, and there is nobody to ask")]
    try:
        found: list[Finding] = check(settings)
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]
    return found


def show_requests(
    settings: Settings, name: str, run_id: str | None, most: int, audience: str = ""
) -> None:
    """Show the requests that would leave for some messages of a plan, or members of an audience.

    Nothing leaves. Addresses are shown, to whoever asks at this terminal; credentials are not.

    Raises:
        FixConfig: it makes no requests, is not set up, or there is no plan.
    """
    rehearsal = Rehearsal()
    call = (
        _listing(settings, name, audience, most, rehearsal)
        if audience
        else _delivering(settings, name, run_id, most, rehearsal)
    )
    trouble = _rehearsed(call)
    for noted in rehearsal.noted:
        _show(settings, noted)
    console.print(f"{len(rehearsal.noted)} requests; nothing was sent.")
    if trouble:
        console.print(f"[yellow]What follows depends on the answers[/]: {escape(trouble)}")


def _rehearsed(call: Callable[[], object]) -> str:
    """Why a rehearsal came to its end early; '' if it did not."""
    try:
        call()
    except ParleyError as error:
        return error.what
    except Exception as error:  # noqa: BLE001 - a guess may be no answer
        return type(error).__name__
    return ""


def _delivering(
    settings: Settings, name: str, run_id: str | None, most: int, rehearsal: Rehearsal
) -> Callable[[], object]:
    made = _with(registry.destination(name), settings, name, rehearsal)
    folder = settings.runs_dir / (run_id or _last(settings))
    planned = list(islice(_planned(folder, name), most))
    if not planned:
        console.print(f"The plan has no messages for {name}: these are others, as if it had.")
        planned = list(islice(_planned(folder, ""), most))
    return lambda: made.deliver("rehearsal", planned[: made.batch_size])


def _listing(
    settings: Settings, name: str, audience: str, most: int, rehearsal: Rehearsal
) -> Callable[[], object]:
    made = _with(registry.target(name), settings, name, rehearsal)
    [chosen] = sync.audiences(settings, ledger_of(settings), audience)
    wanted = islice(Audience.wanted(chosen), min(most, made.put_size))
    members = [member(each, None) for each in wanted]
    return lambda: made.put(made.list_id(audience), members)


def _with(factory: Callable[..., Any], settings: Settings, name: str, rehearsal: Rehearsal) -> Any:  # noqa: ANN401 - a destination or a target
    if "client" not in inspect.signature(factory).parameters:
        what = f"{name} makes no HTTP requests"
        raise FixConfig(what, "destinations", "`parley preview PROGRAMME` shows a message.")
    return factory(settings, client=rehearsal)


def _planned(folder: Path, name: str) -> Iterator[OutMessage]:
    for slice_ in SLICES:
        for chunk in chunks(audience_path(folder, slice_)):
            rows = chunk.filter([
                verdict == "send" and name in ("", destination)
                for verdict, destination in zip(
                    chunk["verdict"].to_pylist(), chunk["destination"].to_pylist(), strict=True
                )
            ])  # fmt: skip
            yield from out_messages(rows)


def _last(settings: Settings) -> str:
    last = runs.last_completed(ledger_of(settings))
    if last is None:
        what = "there is no plan yet"
        raise FixConfig(what, "ledger", "Run `parley run daily --shadow` first.")
    return last.run_id


def _show(settings: Settings, noted: Noted) -> None:
    params = "&".join(f"{name}={value}" for name, value in noted.params.items())
    asked = f"{noted.method} {noted.path}{'?' if params else ''}{params}"
    console.print(f"[bold]{escape(_blanked(settings, asked))}[/]", soft_wrap=True)
    if noted.body is not None:
        console.print(escape(_blanked(settings, _text(noted.body))), soft_wrap=True)


def _text(body: Any) -> str:  # noqa: ANN401 - JSON, a form's fields or bytes
    if isinstance(body, bytes):
        try:
            body = orjson.loads(body)
        except orjson.JSONDecodeError:
            return str(body, "utf-8", "replace")
    return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()


def _blanked(settings: Settings, text: str) -> str:
    """The text without any credential of a destination, should one have got there."""
    for account in settings.destinations.values():
        for secret in (account.password, account.token, account.user):
            value: str = secret.get_secret_value() if secret else ""
            text = text.replace(value, HIDDEN) if value else text
    return text
