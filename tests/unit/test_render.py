"""Messages as they are sent: what each must hold, in which language, and what cannot get in."""

from __future__ import annotations

import csv
import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from connectors.core.accounts import SourceSettings
from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig
from connectors.core.sender import SenderSettings
from connectors.core.settings import Settings
from connectors.destinations import render as rendering
from connectors.destinations.file import BY_HAND, FileDestination, create
from connectors.destinations.render import TEMPLATES, message_of, render, token

SEEDS = Path(__file__).parents[2] / "dbt_project/seeds"
SECRET = "parley-demo"
ADDRESS = "ada@example.com"
NASTY = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><a href="javascript:alert(1)">x</a>',
    "{{ 7*7 }}",
    "{% for x in range(9) %}x{% endfor %}",
    "{{ ''.__class__.__mro__ }}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "&lt;b&gt;",
)
HEADERS = (
    "Hello\r\nBcc: eve@example.com",
    "Hello\nBcc: eve@example.com",
    "Hello\rBcc: eve@example.com",
    "Hello\x0bBcc: eve@example.com\x0c",
    "Hello\u2028Bcc: eve@example.com\u2029",
    "Hello\x85Bcc: eve@example.com\x00",
    "Hello\u202eBcc: eve@example.com\u2066",
)


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **changes)  # type: ignore[call-arg]


def shop(**sender: str) -> Settings:
    """A shop of one's own, which has no made-up sender."""
    source = SourceSettings(vendor="segment", url="x")  # type: ignore[arg-type]
    return settings(sources={"web": source}, sender=SenderSettings(**sender))


def message(**changes: Any) -> OutMessage:
    return OutMessage(
        **{
            "message_key": "k1", "address": ADDRESS, "person_id": "p1",
            "programme": "abandoned_cart", "campaign_id": None, "step": 1, "variant": "a",
            "channel": "email", "send_after": None, "evidence": {}, "purpose": "marketing",
            "content": {
                "subject": "You left a kettle", "fact": "You put this in your basket.",
                "items": "Kettle & pot", "text": "We kept it for you.",
            },
            **changes,
        }
    )  # fmt: skip


class Page(HTMLParser):
    """The tags of a page, and what is read of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.read = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.read += data

    @property
    def links(self) -> list[str]:
        return [attrs.get("href") or "" for tag, attrs in self.tags if tag == "a"]


def programmes() -> list[dict[str, str]]:
    with (SEEDS / "programmes.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["channel"] in {"email", "meeting"}]


@pytest.mark.parametrize("row", programmes(), ids=lambda row: row["programme"])
@pytest.mark.parametrize("language", ["", "en", "de", "fr", "es", "nl", "xx"])
def test_marketing_email_of_every_programme_can_be_left_and_says_who_writes(
    row: dict[str, str], language: str
) -> None:
    """I16; a service message has neither promotion nor anything to unsubscribe from."""
    written = message(
        programme=row["programme"], purpose=row["purpose"], channel=row["channel"],
        language=language, campaign_id="winter" if row["kind"] == "mass" else None,
    )  # fmt: skip
    made = render(written, settings())
    page = Page(made.html)
    assert [attrs["lang"] for tag, attrs in page.tags if tag == "html"] == [made.language]
    assert all("alt" in attrs for tag, attrs in page.tags if tag == "img")
    for shown in (page.read, made.text):
        assert "1 Example Street, Exampleton EX1 1EX" in shown
        assert "Kettle & pot" in shown or row["programme"] == "content_download"
    if row["purpose"] == "service":
        assert made.unsubscribe_url == ""
        assert all("/downloads/" in link for link in page.links)
        assert "unsubscribe" not in made.html + made.text
        return
    links = [*page.links, *re.findall(r"https?://\S+", made.text)]
    for kind in ("unsubscribe", "preferences"):
        assert sum(f"mail.shop.example/{kind}/" in link for link in links) == 2, kind
    assert made.unsubscribe_url in page.links
    for link in links:
        assert parse_qs(urlsplit(link).query) == {
            "utm_source": ["parley"], "utm_medium": ["email"], "utm_content": ["a1"],
            "utm_campaign": [written.campaign_id or row["programme"]],
        }  # fmt: skip
    assert "@" not in made.html + made.text


@pytest.mark.parametrize("missing", ["company", "postal_address", "links_url"])
def test_without_an_address_or_a_place_to_unsubscribe_marketing_email_is_not_written(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {
        "company": "Shop", "postal_address": "1 High Street", "links_url": "https://mail.example",
    }  # fmt: skip
    assert render(message(), shop(**whole)).text
    monkeypatch.setattr(rendering, "_said", lambda *_: pytest.fail("it was written"))
    for value in ("", "  "):
        if missing == "links_url" and value:
            continue
        with pytest.raises(FixConfig, match=f"PARLEY_SENDER__{missing.upper()}"):
            render(message(), shop(**{**whole, missing: value}))


def test_a_service_message_needs_no_place_to_unsubscribe() -> None:
    made = render(message(purpose="service", programme="content_download"), shop())
    assert made.unsubscribe_url == ""
    assert Page(made.html).links == []


@pytest.mark.parametrize("payload", NASTY)
@pytest.mark.parametrize("part", ["subject", "fact", "items", "text"])
def test_what_a_source_wrote_is_text(payload: str, part: str) -> None:
    """I13: neither markup nor a template, in any part."""
    harmless = render(message(), settings())
    made = render(message(content={**message().content, part: payload}), settings())
    page = Page(made.html)
    assert payload in page.read
    assert payload in made.text
    assert "49" not in re.sub(r"\S*(unsubscribe|preferences)/\S*", "", made.text)
    assert page.tags == Page(harmless.html).tags


@pytest.mark.parametrize("payload", HEADERS)
def test_a_subject_is_one_line(payload: str) -> None:
    """I13: no header can be added by what a product is called."""
    made = render(message(content={"subject": payload}), settings())
    assert made.subject == "Hello Bcc: eve@example.com"
    assert made.subject.isprintable()


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "https://evil.example", "javascript:x", "\\x"]
)
def test_a_button_leads_into_the_shop_whatever_a_content_is_called(path: str) -> None:
    written = message(programme="content_download", content={"content_id": path})
    for link in Page(render(written, settings()).html).links:
        assert urlsplit(link).hostname in {"shop.example", "mail.shop.example"}


def test_a_link_tells_its_message_and_no_address_and_cannot_be_made_by_others() -> None:
    made = render(message(), settings())
    given = urlsplit(made.unsubscribe_url).path.rpartition("/")[2]
    assert message_of("unsubscribe", given, SECRET) == "k1"
    assert message_of("unsubscribe", token("unsubscribe", "k2", SECRET), SECRET) == "k2"
    for wrong in ("", ".", "k1", "k1.", f"k2{given[2:]}", f"{given}0", given.upper(), "k1.é"):
        assert message_of("unsubscribe", wrong, SECRET) is None
    assert message_of("preferences", given, SECRET) is None
    assert message_of("unsubscribe", given, "another key") is None


def test_a_message_is_in_the_language_its_programme_has_words_in() -> None:
    made = render(message(language="de"), settings())
    assert (made.language, made.subject) == (
        "de", "Kettle & pot liegt noch in Ihrem Warenkorb",
    )  # fmt: skip
    assert "Abbestellen" in made.html
    assert "Unsubscribe" not in made.html


@pytest.mark.parametrize("language", ["de", "es", "nl", "ja", "", "../en", "de\n"])
def test_words_that_exist_in_english_alone_make_the_whole_message_english(language: str) -> None:
    """Never a German foot under English words."""
    made = render(message(programme="price_drop", language=language), settings())
    assert made == render(message(programme="price_drop", language="en"), settings())
    assert made.language == "en"


def test_a_plan_that_is_written_in_another_language_has_its_foot_in_that() -> None:
    """A shop whose models and campaigns speak Dutch says so in the content."""
    content = {"subject": "Hallo", "fact": "U keek hiernaar.", "language": "nl"}
    for wanted in ("", "nl", "es"):
        made = render(message(programme="price_drop", content=content, language=wanted), settings())
        assert (made.language, "Afmelden" in made.text) == ("nl", True)
        assert "See the new price" not in made.text
    made = render(message(content=content, language="de"), settings())
    assert (made.language, made.subject) == ("de", "Etwas liegt noch in Ihrem Warenkorb")


def test_words_around_a_message_are_whole_in_every_language() -> None:
    words = {path.stem: tomllib.loads(path.read_text()) for path in TEMPLATES.glob("words/*.toml")}
    assert set(words) == {"en", "de", "fr", "es", "nl"}
    assert {frozenset(each) for each in words.values()} == {frozenset(words["en"])}
    assert all(text.strip() for each in words.values() for text in each.values())


def test_words_of_programmes_belong_to_a_programme_and_are_whole_where_they_translate() -> None:
    known = {row["programme"] for row in programmes()}
    parts = tomllib.loads((TEMPLATES / "programmes/default.toml").read_text())
    for path in TEMPLATES.glob("programmes/*.*.toml"):
        programme, language = path.stem.split(".")
        words = tomllib.loads(path.read_text())
        assert programme in known, path.name
        assert set(words) <= set(parts), path.name
        assert language == "en" or {"subject", "fact", "button", "path"} <= set(words), path.name


def test_a_variant_may_have_words_of_its_own() -> None:
    a, b = (
        render(message(programme="new_collection_by_affinity", variant=variant), settings())
        for variant in "ab"
    )
    assert "See the collection" in a.html
    assert "Show me" in b.html
    assert "utm_content=b1" in b.text


def test_a_template_that_is_wrong_is_named_and_says_nothing_of_the_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for text in ("{{ subject", "{% if %}", "{{ nobody.knows.this }}", "{{ 1 / 0 }}"):
        files = {"default": {"subject": "x"}, "abandoned_cart.en": {"text": text}}
        words = rendering._files("words")
        monkeypatch.setattr(
            rendering, "_files", lambda name, f=files, w=words: w if name == "words" else f
        )
        with pytest.raises(FixConfig, match=r"abandoned_cart\.en\.toml") as raised:
            render(message(), settings())
        assert "kettle" not in repr(raised.value)
        monkeypatch.undo()


def files_of(destination: FileDestination, *messages: OutMessage) -> dict[str, str]:
    destination.deliver("b1", messages)
    found = sorted(destination.root.glob("*/*"))
    return {path.name: path.read_text() for path in found if path.suffix in {".html", ".txt"}}


def test_a_batch_has_a_proof_of_each_variant_with_links_that_lead_to_nobody(
    tmp_path: Path,
) -> None:
    destination = create(settings(home=tmp_path))
    made = files_of(
        destination,
        message(message_key="k3"), message(message_key="k2", language="de"),
        message(message_key="k1", variant="b"),
        message(message_key="k0", programme="advisor_call", channel="call", address="+441"),
    )  # fmt: skip
    assert list(made) == ["b1.1.a.de.html", "b1.1.a.en.html", "b1.1.b.en.html"]
    for page in made.values():
        [link] = {each for each in Page(page).links if "unsubscribe" in each}
        given = urlsplit(link).path.rpartition("/")[2]
        assert message_of("unsubscribe", given, SECRET) == "proof"


def test_people_of_the_company_get_copies_of_campaigns_that_count_nowhere(tmp_path: Path) -> None:
    """What leaves as messages is the same with and without them."""
    winter = replace(message(), programme="new_collection_by_affinity", campaign_id="winter")
    counted = []
    for seeds in ("", "boss@example.com, ben@example.com,"):
        destination = create(settings(home=tmp_path / (seeds and "with"), seed_list=seeds))
        outcomes = destination.deliver("b1", [winter])
        [written] = destination.root.glob("*/b1.csv")
        counted.append((outcomes, destination.lookup("b1"), written.read_bytes()))
        copies = destination.root.glob("*/b1.copies.txt")
        said = "".join(path.read_text() for path in copies)
        assert said == (
            "boss@example.com\tb1.winter.1.a.en.html\nben@example.com\tb1.winter.1.a.en.html\n"
            if seeds
            else ""
        )
    assert counted[0] == counted[1]
    trigger = create(settings(home=tmp_path / "other", seed_list="boss@example.com"))
    assert list(files_of(trigger, message())) == ["b1.1.a.en.html"]


def test_without_a_sender_the_file_holds_what_to_say_and_nothing_is_written_as_an_email(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = SourceSettings(vendor="segment", url="x")  # type: ignore[arg-type]
    destination = create(settings(home=tmp_path, sources={"web": source}))
    assert files_of(destination, message()) == {}
    assert "PARLEY_SENDER__COMPANY" in caplog.text


def test_a_call_list_says_why_what_about_at_which_hours_and_until_when(tmp_path: Path) -> None:
    call = message(
        programme="advisor_call", channel="call", address="+442079460001",
        expires_at=datetime(2011, 12, 9, 8, tzinfo=UTC), contact_hours="09:00 to 19:00",
        content={"fact": "You looked twice.", "talking_points": "price; start"},
    )  # fmt: skip
    destination = create(settings(home=tmp_path))
    destination.deliver("b1", [call])
    [path] = destination.root.glob("*/b1.csv")
    with path.open(newline="") as file:
        [row] = csv.DictReader(file)
    assert {name: row[name] for name in ("address", *BY_HAND)} == {
        "address": "'+442079460001", "fact": "You looked twice.",
        "talking_points": "price; start", "deadline": "2011-12-09T08:00:00Z",
        "contact_hours": "09:00 to 19:00",
    }  # fmt: skip


@pytest.mark.parametrize("wrong", ["ada", "ada@b@c", "ada b@example.com", "a@b;c@d, x"])
def test_a_seed_list_holds_addresses(wrong: str) -> None:
    with pytest.raises(ValidationError) as raised:
        settings(seed_list=wrong)
    assert wrong not in str(raised.value)
    assert settings(seed_list=" a@b.example ,c@d.example").seed_addresses == [
        "a@b.example", "c@d.example",
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", ["shop.example", "javascript:x", "https://", "http://u:p@x.y"])
def test_a_place_of_links_is_a_plain_web_address(wrong: str) -> None:
    with pytest.raises(ValidationError):
        SenderSettings(links_url=wrong)
