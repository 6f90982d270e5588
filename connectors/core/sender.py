"""Who writes the messages."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SenderSettings(BaseModel):
    """Who writes: what the foot of every message says, and where its links lead.

    `shop_url`: the shop, which buttons lead to. `links_url`: where unsubscribing and preferences
    live. Marketing email needs all but the shop.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    company: str = ""
    postal_address: str = ""
    shop_url: str = Field(default="", pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$")
    links_url: str = Field(default="", pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$")


DEMO_SENDER = SenderSettings(
    company="Parley's Demo Shop",
    postal_address="1 Example Street, Exampleton EX1 1EX, United Kingdom",
    shop_url="https://shop.example",
    links_url="https://mail.shop.example",
)
