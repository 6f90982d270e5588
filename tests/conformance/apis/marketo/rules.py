"""What each field of a lead takes, and how Marketo says no."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]
TYPES: dict[str, type | tuple[type, ...]] = {
    "id": int, "email": str, "firstName": str, "lastName": str, "phone": str, "mobilePhone": str,
    "company": str, "website": str, "country": str, "city": str, "postalCode": str,
    "address": str, "dateOfBirth": str, "leadStatus": str, "leadScore": int, "leadSource": str,
    "unsubscribed": bool, "doNotCall": bool, "emailInvalid": bool, "externalCompanyId": str,
    "externalSalesPersonId": str, "createdAt": str, "updatedAt": str, "parleyStage": str,
    "parleyScore": int,
}  # fmt: skip


class Refusal(Exception):
    """An answer that says no: a code, and what Marketo says of it."""

    def __init__(self, code: int, message: str = "no") -> None:
        super().__init__(message)
        self.code, self.message = str(code), message


def skipped(code: str, message: str) -> Record:
    """A row that was left out."""
    return {"status": "skipped", "reasons": [{"code": code, "message": message}]}
