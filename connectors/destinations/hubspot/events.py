"""Messages as occurrences of a custom event.

Three questions before one event: is the contact known, did they leave the subscription type, did
they leave all of them? Who left is rejected, whatever Parley knows. An occurrence's `uuid` follows
from the message's key: HubSpot takes each once, however often it is sent.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from connectors.core.delivery import CallBudget, Outcome, OutMessage
from connectors.core.errors import FixConfig, ParleyError, SkipRecord
from connectors.core.http import HttpClient, Reply, Unanswered
from connectors.core.payload import at_path
from connectors.core.vendors import hubspot
from connectors.destinations.hubspot.account import FINAL, NAME, WHERE, Account, Row, upserted

SEND: Final = "/events/v3/send/batch"
EVENTS: Final = "/events/v3/events"
ATTEMPTS: Final = 4
CALLS_A_BATCH: Final = 4
SPACE: Final = UUID("6a1f0c5e-9d1c-5f57-8d52-2f6f0e7b0a11")
# HubSpot refuses longer values of an event's property.
MOST_CHARACTERS: Final = 256
OPTED_OUT: Final = "unsubscribed at HubSpot"
CONTENT: Final = ("subject", "fact", "text")
EVENT_PROPERTIES: Final = (
    *("parley_message_key", "parley_batch", "parley_batch_size", "parley_programme"),
    *("parley_campaign", "parley_step", "parley_variant", "parley_purpose", "parley_language"),
)
"""What the event's definition has to have, beside `parley_…` for each field of the content."""
_SEVERAL: Final = re.compile(r"[,;\s]|@.*@")


class HubSpotDestination:
    """Sends messages to HubSpot. Accepting is not sending: what follows, the source tells."""

    name = NAME
    batch_size = hubspot.MOST
    idempotent = True
    is_live = True
    accepted_is_sent = False
    budget = CallBudget((hubspot.CALLS - 10) // CALLS_A_BATCH, hubspot.SECONDS)

    def __init__(self, account: Account, sleep: Callable[[float], None] = time.sleep) -> None:
        """Raise `FixConfig` where the options name no event."""
        self._client, self._sleep = account.client, sleep
        self._event = account.options.get("event", "").strip()
        self._subscription = account.options.get("subscription", "").strip()
        self._content = hubspot.chosen(account.options, "content") or CONTENT
        if not self._event:
            what = "messages for HubSpot need a custom event"
            remedy = "Set its full name, pe…_…, as the option `event`."
            raise FixConfig(what, "PARLEY_DESTINATIONS__HUBSPOT__OPTIONS", remedy)

    def __repr__(self) -> str:
        """Show nothing of the settings."""
        return "HubSpotDestination()"

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Send messages; those of whoever opted out at HubSpot are rejected.

        Raises:
            RetryLater, SkipRecord, FixConfig: as `Destination.deliver` says.
            Unanswered: nobody knows whether the events were taken.
        """
        outcomes = {
            each.message_key: Outcome(each.message_key, "rejected", "not one recipient")
            for each in messages
            if not each.address.strip() or _SEVERAL.search(each.address.strip())
        }
        rows = [Row(m.message_key, m.address) for m in messages if m.message_key not in outcomes]
        known = upserted(self._client, rows)
        for key, code in known.refused.items():
            state: Literal["rejected", "waiting"] = "rejected" if code in FINAL else "waiting"
            outcomes[key] = Outcome(key, state, f"HubSpot did not take the contact: {code}")
        outcomes |= self._left([m for m in messages if m.message_key in known.ids])
        leaving = [m for m in messages if m.message_key not in outcomes]
        if leaving:
            size = str(len(leaving))
            self._send([
                self._occurrence(m, known.ids[m.message_key], (batch_id, size)) for m in leaving
            ])  # fmt: skip
        outcomes |= {m.message_key: Outcome(m.message_key, "accepted") for m in leaving}
        return [outcomes[m.message_key] for m in messages]

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Read a batch's events back. HubSpot shows them late: until all are there, None."""
        params = {"eventType": self._event, "property.parley_batch": batch_id, "limit": "100"}
        reply = self._client.get(EVENTS, params)
        if reply.status != 200:  # noqa: PLR2004
            return None
        found = [_properties(each) for each in hubspot.listed(reply)]
        keys = {each["parley_message_key"] for each in found if each.get("parley_message_key")}
        if not keys or {str(len(keys))} != {each.get("parley_batch_size") for each in found}:
            return None
        return [Outcome(key, "accepted", "its event is there") for key in sorted(keys)]

    def _left(self, messages: Sequence[OutMessage]) -> dict[str, Outcome]:
        """Those of whoever has left, and of whom HubSpot can't tell it now."""
        asked = [each for each in messages if each.purpose != "service"]
        emails = sorted({each.address.strip().lower() for each in asked})
        if not emails:
            return {}
        out = left_all(self._client, emails) | left_type(self._client, emails, self._subscription)
        outcomes = {}
        for each in asked:
            has_left = out.get(each.address.strip().lower(), False)
            if has_left is None:
                what = "HubSpot does not tell their subscriptions now"
                outcomes[each.message_key] = Outcome(each.message_key, "waiting", what)
            elif has_left:
                outcomes[each.message_key] = Outcome(each.message_key, "rejected", OPTED_OUT)
        return outcomes

    def _send(self, inputs: Sequence[Mapping[str, Any]]) -> None:
        """Send occurrences: a lost answer is asked for again, which does nothing twice."""
        lost: Unanswered | None = None
        for attempt in range(ATTEMPTS):
            try:
                reply = self._client.post_once(SEND, {"inputs": inputs})
            except Unanswered as error:
                lost = error
            except ParleyError:  # of what left before, nobody knows all the same
                if lost is None:
                    raise
            else:
                self._judge(reply, len(inputs))
                return
            if attempt + 1 < ATTEMPTS:
                self._sleep(float(2**attempt))
        if lost:
            raise lost

    def _judge(self, reply: Reply, many: int) -> None:
        problem = hubspot.refusal(reply, "the event", WHERE)
        if problem is None and reply.status == 207:  # noqa: PLR2004 - some of it
            what = f"HubSpot took part of a batch ({WHERE})"
            raise Unanswered(what)
        if isinstance(problem, SkipRecord) and _came_before(reply) and many == 1:
            return
        if isinstance(problem, ParleyError):
            raise problem

    def _occurrence(
        self, message: OutMessage, contact: str, batch: tuple[str, str]
    ) -> dict[str, Any]:
        told = {
            "message_key": message.message_key,
            "batch": batch[0],
            "batch_size": batch[1],
            "programme": message.programme,
            "campaign": message.campaign_id,
            "step": str(message.step),
            "variant": message.variant,
            "purpose": message.purpose,
            "language": message.language,
            **{name: message.content.get(name) for name in self._content},
        }
        properties = {
            f"parley_{name}": str(value)[:MOST_CHARACTERS] for name, value in told.items() if value
        }
        return {
            "eventName": self._event,
            "objectId": contact,
            "properties": properties,
            "uuid": str(uuid5(SPACE, message.message_key)),
        }


def left_all(client: HttpClient, emails: Sequence[str]) -> dict[str, bool | None]:
    """Who unsubscribed from everything; None of whom HubSpot does not tell it."""
    reply = client.post(hubspot.OPTED_OUT_READ, {"inputs": emails})
    return _left_by(reply, emails, "wideStatuses", "")


def left_type(client: HttpClient, emails: Sequence[str], type_: str) -> dict[str, bool | None]:
    """Who left a subscription type, any of them for ''. Only those who did, or may have."""
    reply = client.post(hubspot.STATUSES_READ, {"inputs": emails})
    found = _left_by(reply, emails, "statuses", type_)
    return {email: has_left for email, has_left in found.items() if has_left is not False}


def _left_by(reply: Reply, emails: Sequence[str], kind: str, type_: str) -> dict[str, bool | None]:
    if problem := hubspot.refusal(reply, "the question who unsubscribed", WHERE):
        raise problem
    # In an answer in parts, whoever is not mentioned may have left.
    is_whole = reply.status == 200 and not hubspot.listed(reply, "errors")  # noqa: PLR2004
    found: dict[str, bool | None] = dict.fromkeys(emails, False if is_whole else None)
    for each in hubspot.listed(reply):
        statuses = [status for status in each.get(kind) or () if isinstance(status, dict)]
        found[str(each.get("subscriberIdString", "")).lower()] = any(
            status.get("status") == "UNSUBSCRIBED"
            and type_ in {"", str(status.get("subscriptionId"))}
            for status in statuses
        )
    return found


def _came_before(reply: Reply) -> bool:
    """Whether an occurrence was refused because HubSpot has one of that uuid."""
    said = str(reply.body).lower()
    return "uuid" in said and ("duplicate" in said or "already" in said)


def _properties(event: object) -> dict[str, str]:
    found = at_path(event, "properties")
    return found if isinstance(found, dict) else {}
