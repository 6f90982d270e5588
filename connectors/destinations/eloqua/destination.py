"""The destination: a batch as one import for each list that feeds a canvas.

Whether a batch arrived is read back by the names of its definitions, which hold its id, and by the
sync of each. That Eloqua took a contact onto the list is not that it sent: who is unsubscribed or
bounced there is told as rejected, and what was sent comes back by source `eloqua`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from connectors.core.delivery import CallBudget, Outcome, OutMessage
from connectors.core.errors import FixConfig, ParleyError, RetryLater
from connectors.core.handout.recipients import refusal
from connectors.core.http import Unanswered
from connectors.core.vendors.eloqua import HOUR, IMPORTS, RUNNING, Bulk
from connectors.destinations.eloqua.importing import (
    Row,
    definition,
    fitting,
    listed_people,
    on_list,
    rejects,
    staged,
    syncs,
)
from connectors.destinations.eloqua.notes import Notes
from connectors.destinations.eloqua.options import IDENTIFIER, NAME, WHERE, Options

# Of the 2,000 imports an hour; the others are for audiences and whoever else is there.
BUDGET: Final = CallBudget(1_000, HOUR)
KIND: Final = "contacts/imports"
# Longer than anybody asks after a batch: a definition that is gone is one that never was.
KEPT: Final = "P60D"
BARRED: Final = "unsubscribed or bounced at Eloqua"
AFTER: Final = "another message to the same reader goes first"
STILL_THERE: Final = "still on the list: the canvas has to take readers off it at its end"
NOT_BEGUN: Final = "Eloqua took no more of them"


@dataclass
class EloquaDestination:
    """Puts the readers of messages on lists. `connected` logs in, once something is asked for."""

    connected: Callable[[], Bulk]
    options: Options
    notes: Notes
    name: str = NAME
    batch_size: int = 5_000
    idempotent: bool = False
    is_live: bool = True
    accepted_is_sent: bool = False
    budget: CallBudget = BUDGET

    def __repr__(self) -> str:
        """Show nothing of the account."""
        return f"EloquaDestination({len(self.options.lists)} lists)"

    @cached_property
    def _bulk(self) -> Bulk:
        return self.connected()

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Put the readers on the lists of their programmes.

        Two messages to one reader on one list would overwrite each other: the second waits, until
        the canvas has taken the reader off the list.

        Raises:
            FixConfig: a programme has no list, or Eloqua refuses what it is asked.
            RetryLater: Eloqua is away or busy, and nothing has begun.
        """
        outcomes, lists = self._cut(batch_id, *self._sorted(messages))
        self.notes.write(
            batch_id, {each: [m.message_key for m in of] for each, of in lists.items()}
        )
        has_begun, trouble = False, ""
        for list_id, of in lists.items():
            if trouble:
                outcomes += _all(of, "waiting", trouble)
                continue
            try:
                sync = self._begun(batch_id, list_id, of)
            except Unanswered:
                has_begun = True
                outcomes += _all(of, "unknown", "the answer to its sync was lost")
            except ParleyError as error:
                if not has_begun:
                    raise
                trouble = NOT_BEGUN
                outcomes += _all(of, "waiting", f"{NOT_BEGUN}: {error.what}")
            else:
                has_begun = True
                outcomes += self._told(batch_id, list_id, sync, of)
        return outcomes

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Read a batch back by its definitions and their syncs; None where keys were not noted.

        Raises:
            RetryLater: a sync has not ended, or Eloqua is away.
        """
        keys = self.notes.read(batch_id)
        outcomes: list[Outcome] = []
        for list_id, sync in syncs(self._bulk, KIND, f"parley-{batch_id}-"):
            if keys is None or list_id not in keys:
                return None
            state = self._bulk.state(sync)
            if state in RUNNING:
                what = "Eloqua is still at a sync"
                raise RetryLater(what, WHERE, "Ask again in some minutes.")
            refused = {place: code for _, place, code in rejects(self._bulk, sync)}
            for place, key in enumerate(keys[list_id], start=1):
                if state == "error":
                    outcomes.append(Outcome(key, "unknown", "Eloqua's sync ended in an error"))
                else:
                    outcomes.append(_outcome(key, refused.get(place, "")))
        return outcomes

    def _sorted(
        self, messages: Sequence[OutMessage]
    ) -> tuple[list[Outcome], dict[str, list[OutMessage]]]:
        """What has an outcome already, and the others by list."""
        outcomes: list[Outcome] = []
        lists: dict[str, dict[str, OutMessage]] = {}
        for message in messages:
            key, why = message.message_key, refusal(message)
            list_id = self.options.lists.get(message.programme)
            if message.channel != "email":
                outcomes.append(Outcome(key, "rejected", "not an email"))
            elif why:
                outcomes.append(Outcome(key, "rejected", why))
            elif list_id is None:
                what = f"programme '{message.programme}' has no list at Eloqua"
                raise FixConfig(what, f"{WHERE}, option lists", "Name the list that feeds it.")
            elif _same(message) in lists.setdefault(list_id, {}):
                outcomes.append(
                    Outcome(key, "waiting", "another one to the same reader goes first")
                )
            else:
                lists[list_id][_same(message)] = message
        return outcomes, {each: list(of.values()) for each, of in lists.items() if of}

    def _cut(
        self, batch_id: str, outcomes: list[Outcome], lists: dict[str, list[OutMessage]]
    ) -> tuple[list[Outcome], dict[str, list[OutMessage]]]:
        """One post of readers who are not on the list: who is would not enter the canvas."""
        for list_id, of in lists.items():
            name = f"{_named(batch_id, list_id)}-before"
            there = {each.email for each in listed_people(self._bulk, name, list_id)}
            outcomes += _all([each for each in of if _same(each) in there], "waiting", STILL_THERE)
            new = [each for each in of if _same(each) not in there]
            count = fitting(self._rows(new))
            outcomes += _all(new[count:], "waiting", "they go in another import")
            lists[list_id] = new[:count]
        return outcomes, {list_id: of for list_id, of in lists.items() if of}

    def _rows(self, messages: Sequence[OutMessage]) -> list[Row]:
        return [self.options.row(each.address, _values(each)) for each in messages]

    def _begun(self, batch_id: str, list_id: str, messages: Sequence[OutMessage]) -> str:
        body = {
            **definition(_named(batch_id, list_id), self.options.statements(), IDENTIFIER),
            "isUpdatingMultipleMatchedRecords": False,
            "syncActions": [{"action": "add", "destination": on_list(list_id)}],
            "autoDeleteDuration": KEPT,
        }
        uri = staged(self._bulk, KIND, body, self._rows(messages))
        return self._bulk.begin_once(uri, IMPORTS)

    def _told(
        self, batch_id: str, list_id: str, sync: str, messages: Sequence[OutMessage]
    ) -> list[Outcome]:
        """What became of the rows of a sync that began."""
        try:
            state = self._bulk.ended(sync)
            refused = {email: code for email, _, code in rejects(self._bulk, sync)}
        except ParleyError as error:
            return _all(messages, "unknown", error.what)
        if state == "error":
            return _all(messages, "unknown", "Eloqua's sync ended in an error")
        barred = self._barred(batch_id, list_id)
        outcomes: list[Outcome] = []
        for message in messages:
            same = _same(message)
            why = refused.get(same) or (BARRED if same in barred else "")
            outcomes.append(_outcome(message.message_key, why))
        return outcomes

    def _barred(self, batch_id: str, list_id: str) -> set[str]:
        """Whom of a list Eloqua does not write to; nobody where it does not say so just then."""
        name = f"{_named(batch_id, list_id)}-barred"
        try:
            people = listed_people(self._bulk, name, list_id)
            return {each.email for each in people if each.is_barred}
        except ParleyError:
            return set()  # Eloqua does not write to them all the same


def _values(message: OutMessage) -> dict[str, object]:
    """What a contact's fields may show: the content, and what Parley calls the message."""
    told = {
        "message_key": message.message_key,
        "programme": message.programme,
        "campaign_id": message.campaign_id,
        "step": message.step,
        "variant": message.variant,
        "language": message.language,
    }
    return {**told, **message.content}


def _named(batch_id: str, list_id: str) -> str:
    return f"parley-{batch_id}-{list_id}"


def _same(message: OutMessage) -> str:
    """Eloqua tells addresses apart without regard to case."""
    return message.address.strip().lower()


def _outcome(key: str, why: str) -> Outcome:
    return Outcome(key, "rejected", why) if why else Outcome(key, "accepted", "on the list")


def _all(
    messages: Sequence[OutMessage], state: Literal["unknown", "waiting"], why: str
) -> list[Outcome]:
    return [Outcome(message.message_key, state, why) for message in messages]
