"""What the grocer mailed: campaigns as rows of the seed, sends as imported history, redemptions.

At a date the mail of that day is known, and of its answers those of the days before.
"""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from flows import history
from tests.quality import duck

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.core.settings import Settings
    from tests.quality.shops import Campaigns

# Of the programmes that are there; no message of it is planned here.
PROGRAMME = "new_collection_by_affinity"
SENDS = """
    select 'c' || md5(cast(s.household_id as varchar)) || '@shop.example' as email,
        strftime(d.start_date, '%Y-%m-%d %H:%M:%S') as sent_at,
        cast(s.campaign_id as varchar) as campaign_id
    from '{0.sends}' as s inner join '{0.described}' as d on s.campaign_id = d.campaign_id
    where d.start_date > ? and d.start_date <= ?
    order by d.start_date, s.campaign_id, s.household_id
"""
REDEEMED = """
    select cast(household_id as varchar), cast(campaign_id as varchar),
        cast(coupon_upc as varchar), redemption_date
    from '{0.redemptions}'
    where redemption_date >= ? and redemption_date < ?
    order by redemption_date, household_id, campaign_id, coupon_upc
"""
DESCRIBED = "select campaign_id, start_date, end_date from '{0.described}' order by start_date, 1"
EARLIEST = date(2000, 1, 1)


def announce(campaigns: Campaigns, project: Path) -> None:
    """Write the campaigns to the project's seed, as its only rows."""
    seed = project / "seeds" / "campaigns.csv"
    with seed.open(encoding="utf-8", newline="") as lines:
        columns = next(csv.reader(lines))
    with seed.open("w", encoding="utf-8", newline="") as target, duck.connect() as connection:
        rows = csv.DictWriter(target, columns)
        rows.writeheader()
        for number, start, end in connection.execute(DESCRIBED.format(campaigns)).fetchall():
            told = {"campaign_id": number, "programme": PROGRAMME, "subject": f"Coupons {number}"}
            told |= {"starts_at": start, "ends_at": end, "arrivals_since": start}
            rows.writerow({**told, "enabled": "true"})


def arrive(campaigns: Campaigns, folder: Path, day: date, settings: Settings) -> None:
    """Bring in the sends up to a date, and put the answers before it where they are landed from."""
    until = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - as the data set has them
    marker = folder / "arrived"
    since = datetime.fromisoformat(marker.read_text()) if marker.exists() else None
    first = datetime(EARLIEST.year, EARLIEST.month, EARLIEST.day)  # noqa: DTZ001
    with duck.connect() as connection:
        sends = connection.execute(SENDS.format(campaigns), [since or first, until]).fetchall()
        answers = connection.execute(REDEEMED.format(campaigns), [since or first, until]).fetchall()
    if sends:
        _bring_in(sends, folder / f"sends-{day}.csv", day, settings)
    with (folder / "web" / f"{day}.jsonl").open("wb") as target:
        target.writelines(_event(*answer) for answer in answers)
    marker.write_text(until.isoformat())


def _bring_in(sends: list[tuple[str, ...]], path: Path, day: date, settings: Settings) -> None:
    with path.open("w", encoding="utf-8", newline="") as target:
        rows = csv.writer(target)
        rows.writerow(["email", "sent_at", "campaign_id"])
        rows.writerows(sends)
    file = history.look_through(settings, path, "sends", f"{day}T00:00:00Z", None, [])
    history.bring_in(settings, file, "mailed")


def _event(household: str, campaign: str, coupon: str, day: datetime) -> bytes:
    """A redemption as the shop's site tells it; at noon, of a day that has no time."""
    at = (day + timedelta(hours=12)).isoformat() + "Z"
    event = {
        "type": "track",
        "event": "Coupon Applied",
        "messageId": f"{household}/{campaign}/{coupon}/{day.date()}",
        "userId": household,
        "properties": {"coupon_id": coupon},
        "context": {"campaign": {"name": campaign}},
        "timestamp": at,
        "receivedAt": at,
    }
    return orjson.dumps(event) + b"\n"
