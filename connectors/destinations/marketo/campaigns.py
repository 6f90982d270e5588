"""Messages as requests of trigger campaigns: the person is made known, looked at, and sent in."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from connectors.core.accounts import DestinationSettings
from connectors.core.delivery import CallBudget, Outcome, OutMessage
from connectors.core.errors import FixConfig, ParleyError, RetryLater, SkipRecord
from connectors.core.http import HttpClient, Unanswered
from connectors.core.vendors.marketo import (
    LEADS,
    Json,
    campaigns_of,
    connected,
    matching,
)
from connectors.destinations.marketo.leads import WHERE, Known, Lead, known_leads, pairs_of

MOST_LEADS: Final = 100
"""Leads of one request of a campaign."""
FLAGS: Final = ("id", "unsubscribed", "emailInvalid")

_PLAIN: Final = (str, int, float)
Tokens = tuple[tuple[str, str], ...]


class MarketoDestination:
    """Requests trigger campaigns. What is then sent, activities tell."""

    name = "marketo"
    batch_size = MOST_LEADS
    idempotent = False
    is_live = True
    accepted_is_sent = False
    # A batch takes three calls or more, of 100 in 20 seconds that all programs share.
    budget = CallBudget(20, 20.0)

    def __init__(self, settings: DestinationSettings, client: HttpClient | None = None) -> None:
        """Raise `FixConfig` where campaigns could not be requested by these settings."""
        self._campaigns = campaigns_of(settings.options, WHERE)
        if not self._campaigns:
            remedy = "Set the option campaigns, like welcome:1021,*:1030."
            what = "no trigger campaign is named"
            raise FixConfig(what, WHERE, remedy)
        self._fields = pairs_of(settings.options, "content")
        self._partition = settings.options.get("partition", "").strip()
        self._client = client or connected(settings, WHERE)

    def __repr__(self) -> str:
        """Show nothing of the settings."""
        return f"MarketoDestination({len(self._campaigns)} campaigns)"

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Request the campaign for each person; one outcome each.

        People who unsubscribed in Marketo are rejected, but for service messages; so are those
        whose address Marketo knows to be invalid, or finds at several leads.

        Raises:
            RetryLater, FixConfig: nothing was requested.
        """
        del batch_id  # Marketo keeps no key of ours
        campaigns = {each.programme: self._campaign(each.programme) for each in messages}
        going = self._one_each(messages)
        known = known_leads(self._client, [self._lead(each) for each in going], self._partition)
        flags = self._flags([each.lead_id for each in known if each.lead_id])
        batch = _Batch(self._client)
        requests: dict[tuple[int, Tokens], list[tuple[str, OutMessage]]] = {}
        for message, lead in zip(going, known, strict=True):
            if why := _objection(message, lead, flags):
                batch.note(message, Outcome(message.message_key, "rejected", why))
                continue
            key = (campaigns[message.programme], tokens_of(message, self._fields))
            requests.setdefault(key, []).append((lead.lead_id, message))
        for (campaign, tokens), people in requests.items():
            for group in _apart(people):
                batch.request(campaign, tokens, group)
        return batch.outcomes(messages)

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Nothing: Marketo does not tell one request of a campaign from another."""
        del batch_id
        return None

    def _campaign(self, programme: str) -> int:
        found = self._campaigns.get(programme) or self._campaigns.get("*")
        if found:
            return found
        what = f"no trigger campaign is named for the programme {programme}"
        raise FixConfig(what, WHERE, f"Add {programme}:<id> to the option campaigns.")

    def _one_each(self, messages: Sequence[OutMessage]) -> list[OutMessage]:
        """The messages of this batch; where content goes into fields, one to a person at a time."""
        if not self._fields:
            return list(messages)
        return list({each.address.lower(): each for each in reversed(messages)}.values())[::-1]

    def _lead(self, message: OutMessage) -> Lead:
        """What a lead is told: the address, and the content that has a field."""
        told = {field: message.content.get(name) for name, field in self._fields.items()}
        plain = {name: value if isinstance(value, _PLAIN) else None for name, value in told.items()}
        return {**plain, "email": message.address}

    def _flags(self, ids: Sequence[str]) -> dict[str, Json]:
        found = matching(self._client, LEADS, "id", dict.fromkeys(ids), FLAGS)
        return {str(lead.get("id")): lead for lead in found}


@dataclass
class _Batch:
    """The requests of one batch. `trouble`: why no other one is made."""

    client: HttpClient
    trouble: ParleyError | None = None
    said: dict[str, Outcome] = field(default_factory=dict)
    is_begun: bool = False

    def note(self, message: OutMessage, outcome: Outcome) -> None:
        self.said[message.message_key] = outcome

    def request(self, campaign: int, tokens: Tokens, people: dict[str, OutMessage]) -> None:
        """Request a campaign for people by lead id, once. One who is refused is found by halving.

        Raises the trouble if nothing was requested before it.
        """
        if self.trouble:
            return
        listed = [{"name": f"{{{{my.{name}}}}}", "value": value} for name, value in tokens]
        body = {"input": {"leads": [{"id": int(each)} for each in people], "tokens": listed}}
        try:
            self._ask(f"/rest/v1/campaigns/{campaign}/trigger.json", body)
        except Unanswered:
            self.trouble = RetryLater("an answer was lost", WHERE, "Run again later.")
            self._all(people, "unknown", "the answer was lost")
        except SkipRecord as error:
            self._halve(campaign, tokens, people, error)
        except (RetryLater, FixConfig) as error:
            if not self.is_begun:
                raise
            self.trouble = error
        else:
            self._all(people, "accepted", "")

    def _ask(self, address: str, body: Json) -> None:
        """Ask once, and once more where surely nothing was done: a token ends within a batch."""
        try:
            self.client.post_once(address, body)
        except RetryLater as error:
            if error.after_seconds:
                raise
            self.client.post_once(address, body)

    def outcomes(self, messages: Sequence[OutMessage]) -> list[Outcome]:
        """One for each message; what was not requested waits."""
        why = self.trouble.what if self.trouble else "it was not requested"
        waiting = (Outcome(each.message_key, "waiting", why) for each in messages)
        return [self.said.get(each.message_key, each) for each in waiting]

    def _halve(
        self, campaign: int, tokens: Tokens, people: dict[str, OutMessage], error: SkipRecord
    ) -> None:
        if len(people) == 1:
            for message in people.values():
                self.note(message, Outcome(message.message_key, "rejected", error.what))
            return
        listed, middle = list(people.items()), len(people) // 2
        for half in (listed[:middle], listed[middle:]):
            self.request(campaign, tokens, dict(half))

    def _all(
        self, people: Mapping[str, OutMessage], state: Literal["accepted", "unknown"], detail: str
    ) -> None:
        self.is_begun = True
        for message in people.values():
            self.note(message, Outcome(message.message_key, state, detail))


def tokens_of(message: OutMessage, fields: Container[str] = ()) -> Tokens:
    """What a campaign is told, by the names of its tokens; values that are texts or numbers.

    What goes into `fields` of leads instead is left out.
    """
    about = {
        "programme": message.programme,
        "campaign": message.campaign_id or "",
        "step": str(message.step),
        "variant": message.variant or "",
    }
    for name, value in sorted(message.content.items()):
        is_told = isinstance(value, _PLAIN) and name not in fields
        if is_told and name not in about:
            about[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return tuple((f"parley_{name}", _harmless(value)) for name, value in about.items())


def _harmless(text: str) -> str:
    """A text as an email may show it: a token's value is put into HTML as it is."""
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("{{", "{ {")


def _objection(message: OutMessage, lead: Known, flags: Mapping[str, Json]) -> str:
    """Why a person is not to be written to; '' where nothing is in the way."""
    if not lead.lead_id:
        return lead.why
    told = flags.get(lead.lead_id)
    if told is None:
        return "the lead cannot be read"
    if told.get("emailInvalid"):
        return "Marketo knows the address to be invalid"
    if told.get("unsubscribed") and message.purpose != "service":
        return "unsubscribed in Marketo"
    return ""


def _apart(people: Sequence[tuple[str, OutMessage]]) -> list[dict[str, OutMessage]]:
    """Groups in which each lead is once: two messages to one are two requests."""
    groups: list[dict[str, OutMessage]] = []
    for lead_id, message in people:
        group = next((each for each in groups if lead_id not in each), None)
        if group is None:
            groups.append(group := {})
        group[lead_id] = message
    return groups
