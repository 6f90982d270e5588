"""Source `hubspot`: contacts, companies and deals of a HubSpot account, forms and email events.

Objects are asked for by what changed since the last run, in the order of their ids (`objects`);
forms and email events are told newest first (`feeds`). What is asked beside an object stands in its
record too (`beside`): the name of its `owner`; `contactKey`, a contact's id that no other source
uses; of a deal its `contacts`, its `companies` and the `companyCurrency`, in which it is where it
names none. So does, of a form, the `email` that was filled in, and of an email's event the
`programme` and `campaign` that it stands for.

Not seen: objects that are deleted, or merged into others, there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.core.spec import Page, ReadContext, SourceSpec, Stream
from connectors.sources.hubspot import feeds, objects
from connectors.sources.hubspot.checking import check

VENDOR = "hubspot"
READERS: dict[str, tuple[Stream, Callable[[ReadContext], Iterator[Page]]]] = {
    **{kind.stream.name: (kind.stream, objects.read) for kind in objects.KINDS},
    objects.SUBSCRIPTIONS.name: (objects.SUBSCRIPTIONS, objects.read_subscriptions),
    feeds.SUBMISSIONS.name: (feeds.SUBMISSIONS, feeds.read_submissions),
    feeds.EMAIL_EVENTS.name: (feeds.EMAIL_EVENTS, feeds.read_email_events),
}


def read(context: ReadContext) -> Iterator[Page]:
    """Read one stream.

    Raises:
        FixConfig: the token, or one of its scopes, does not suffice.
        RetryLater: HubSpot is busy or away.
        StopRun: going on would do harm.
    """
    return READERS[context.stream.name][1](context)


SPEC = SourceSpec(
    VENDOR,
    tuple(stream for stream, _ in READERS.values()),
    read,
    check,
    "A HubSpot account: contacts with lifecycle stage and owner, companies, deals, subscriptions,"
    " forms that were filled in, events of emails. url: https://api.hubapi.com; token: a private"
    " app's access token.",
    {
        "emails": "which programme an email there carries, as its id=programme or"
        " id=programme/campaign, …; without it no feedback finds its message"
    },
)
