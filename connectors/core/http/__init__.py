"""HTTP for sources and destinations: bounded patience, credentials that stay with their host."""

from connectors.core.http.auth import Auth, ClientCredentials, FixedHeaders, basic, bearer
from connectors.core.http.budget import Budget
from connectors.core.http.client import HttpClient
from connectors.core.http.paging import field_next, link_next
from connectors.core.http.reply import Busy, Judge, Remedy, Reply, Statuses, Unanswered, retry_after
from connectors.core.http.request import multipart

__all__ = [
    "Auth",
    "Budget",
    "Busy",
    "ClientCredentials",
    "FixedHeaders",
    "HttpClient",
    "Judge",
    "Remedy",
    "Reply",
    "Statuses",
    "Unanswered",
    "basic",
    "bearer",
    "field_next",
    "link_next",
    "multipart",
    "retry_after",
]
