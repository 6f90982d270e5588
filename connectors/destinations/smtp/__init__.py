"""Destination `smtp`: emails to people by a mail server of one's own or of a provider.

Text and HTML, one recipient each, with RFC 8058's headers, signed where a DKIM key is set; failures
are asked for (RFC 3461) where the server can report them. What a server puts off waits for the next
emission; whatever it had not answered when the connection or this process ended is unknown.
"""

from __future__ import annotations

from connectors.core.settings import Settings
from connectors.destinations.smtp.destination import SmtpDestination


def create(settings: Settings) -> SmtpDestination:
    """Make the destination for these settings.

    Raises:
        FixConfig: they do not say by which server, or cannot be used.
    """
    return SmtpDestination(settings)
