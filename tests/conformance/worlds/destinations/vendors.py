"""Worlds of the destinations that are vendors' APIs, and of the webhook."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import ClassVar

from pydantic import SecretStr

from connectors.core.accounts import DestinationSettings
from tests.conformance.apis import hubspot
from tests.conformance.apis.eloqua import site as eloqua
from tests.conformance.apis.hubspot.portal import EVENT
from tests.conformance.apis.marketo import store
from tests.conformance.http_kit import App, Asked, Told
from tests.conformance.worlds.base import SECRET
from tests.conformance.worlds.destinations.base import HttpWorld, keys_of

CAMPAIGN = 1030
WEBHOOK_SECRET = "whsec_" + b64encode(b"c4nary-s3cret-c4nary-s3cret-").decode()


class HubSpotWorld(HttpWorld):
    """Custom events; one bad address spoils a batch of contacts."""

    name = "hubspot"
    bad = "no address at all"

    def app(self) -> App:
        self.portal = hubspot.Portal()
        return self.portal

    def account(self, url: str) -> DestinationSettings:
        token = SecretStr(hubspot.TOKEN)
        return DestinationSettings(url=SecretStr(url), token=token, options={"event": EVENT})

    def sends(self, asked: Asked) -> bool:
        return asked.path == "/events/v3/send/batch"

    def arrived(self) -> list[str]:
        return [event["properties"]["parley_message_key"] for event in self.portal.events]


class HubSpotByRowWorld(HubSpotWorld):
    """As some accounts have it: a bad address is told of in a 207."""

    def app(self) -> App:
        self.portal = hubspot.Portal(refuses="row")
        return self.portal


class MarketoWorld(HttpWorld):
    """A trigger campaign; all is answered with 200."""

    name = "marketo"
    bad = "no address at all"
    wrong: ClassVar = {"password": SecretStr(SECRET + "-wrong")}

    def app(self) -> App:
        self.vendor = store.Marketo()
        self.vendor.campaigns[CAMPAIGN] = {"name": "x", "type": "trigger", "active": True}
        return self.vendor

    def account(self, url: str) -> DestinationSettings:
        return DestinationSettings(
            url=SecretStr(url), user=SecretStr(store.USER), password=SecretStr(store.PASSWORD),
            options={"calls": "1000000", "campaigns": f"*:{CAMPAIGN}"},
        )  # fmt: skip

    def sends(self, asked: Asked) -> bool:
        return asked.path.endswith("/trigger.json")

    def arrived(self) -> list[str]:
        leads = self.vendor.leads
        return keys_of([leads[n]["email"] for _, ids, _ in self.vendor.requested for n in ids])


class EloquaWorld(HttpWorld):
    """A list that feeds a canvas; what is on it gets one email."""

    name = "eloqua"
    bad = "no address at all"
    wrong: ClassVar = {"password": SecretStr(SECRET + "-wrong")}

    def app(self) -> App:
        self.site = eloqua.EloquaSite()
        self.list_id = self.site.make_list("canvas")
        return self.site

    def account(self, url: str) -> DestinationSettings:
        return DestinationSettings(
            url=SecretStr(url), user=SecretStr(eloqua.USER), password=SecretStr(eloqua.PASSWORD),
            options={"lists": f"new_collection={self.list_id}"},
        )  # fmt: skip

    def sends(self, asked: Asked) -> bool:
        is_sync = asked.method == "POST" and asked.path.endswith("/syncs")
        return is_sync and "/imports/" in asked.body["syncedInstanceUri"]

    def arrived(self) -> list[str]:
        return keys_of([address for _, address in self.site.sent])


class WebhookWorld(HttpWorld):
    """A receiver that takes an id once, and refuses a batch with a message that it can't read."""

    name = "webhook"
    bad = "bad@shop.example"
    reads_answers = False
    wrong: ClassVar = {"token": SecretStr("whsec_" + b64encode(SECRET.encode() * 2).decode())}

    def __init__(self, folder: Path) -> None:
        self.taken: dict[str, list[str]] = {}
        super().__init__(folder)

    def app(self) -> App:
        return self.answer

    def answer(self, asked: Asked) -> Told:
        if "v1," not in asked.headers.get("webhook-signature", ""):
            return Told(status=401)
        messages = asked.body["data"]["messages"]
        if any(each["address"] == self.bad for each in messages):
            return Told(status=422)
        keys = [each["message_key"] for each in messages]
        self.taken.setdefault(asked.headers["webhook-id"], keys)
        return Told({})

    def account(self, url: str) -> DestinationSettings:
        return DestinationSettings(
            url=SecretStr(f"{url}/hook"), token=SecretStr(WEBHOOK_SECRET),
            options={"allow_private": "true"},
        )  # fmt: skip

    def sends(self, asked: Asked) -> bool:
        return asked.path == "/hook"

    def arrived(self) -> list[str]:
        return [key for keys in self.taken.values() for key in keys]


DESTINATIONS = (HubSpotWorld, HubSpotByRowWorld, MarketoWorld, EloquaWorld, WebhookWorld)
