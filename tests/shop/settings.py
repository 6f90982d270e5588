"""A django-oscar shop as its documentation sets one up, with nothing of it overridden.

SHOP_DATABASE tells where its rows lie: a path (SQLite, in WAL mode so that others read while it
is written) or a postgresql:// URL.
"""

from __future__ import annotations

import os
from urllib.parse import parse_qs, urlsplit

import oscar
from oscar.defaults import *  # noqa: F403 - how oscar asks to be set up

DATABASE = os.environ["SHOP_DATABASE"]


def _database(place: str) -> dict[str, object]:
    if not place.startswith("postgresql://"):
        pragmas = "pragma journal_mode = wal; pragma synchronous = off"
        options = {"timeout": 60, "transaction_mode": "IMMEDIATE", "init_command": pragmas}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": place, "OPTIONS": options}
    parts = urlsplit(place)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username,
        "PASSWORD": parts.password,
        # A server that listens on a socket alone has its folder in the query.
        "HOST": parts.hostname or parse_qs(parts.query).get("host", [""])[0],
        "PORT": parts.port,
    }


DATABASES = {"default": _database(DATABASE)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "a shop that holds nobody's data"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.shop.urls"
SITE_ID = 1
USE_TZ = True
TIME_ZONE = "Europe/London"
USE_I18N = False
STATIC_URL = "/static/"
LOGGING_CONFIG = None
# A login costs as much as a request otherwise, and basic authentication logs in on each.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

INSTALLED_APPS = [*oscar.INSTALLED_APPS, "rest_framework", "oscarapi"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "PAGE_SIZE": 50,
}
OSCARAPI_BLOCK_ADMIN_API_ACCESS = False

OSCAR_DEFAULT_CURRENCY = "GBP"
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_INITIAL_ORDER_STATUS = "Pending"
OSCAR_INITIAL_LINE_STATUS = "Pending"
# That of oscar's own sandbox, with the word that it has for the end.
OSCAR_ORDER_STATUS_PIPELINE = {
    "Pending": ("Being processed", "Cancelled"),
    "Being processed": ("Complete", "Cancelled"),
    "Complete": (),
    "Cancelled": (),
}
OSCAR_ORDER_STATUS_CASCADE = {
    "Being processed": "Being processed",
    "Cancelled": "Cancelled",
    "Complete": "Shipped",
}


class _FromModels(dict[str, None]):
    """Migrations of no app: `migrate --run-syncdb` creates the tables as the models say."""

    def __contains__(self, _: object) -> bool:
        return True

    def __getitem__(self, _: str) -> None:
        return None


MIGRATION_MODULES = _FromModels()
