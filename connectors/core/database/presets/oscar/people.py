"""django-oscar's users, with a phone and where they live if they left an address."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, func, select

from connectors.core.database.presets.oscar.tables import ADDRESS, table
from connectors.core.database.presets.view import filled


def customers(users: str) -> Select[Any]:
    """Users; of their addresses the one that is usual for shipping, else the first."""
    user = table(users, "id email first_name last_name is_staff date_joined")
    usual = func.min(case((ADDRESS.c.is_default_for_shipping, ADDRESS.c.id)))
    chosen = func.coalesce(usual, func.min(ADDRESS.c.id)).label("address_id")
    home = select(ADDRESS.c.user_id, chosen).group_by(ADDRESS.c.user_id).subquery("home")
    return select(
        user.c.id.label("customer_id"),
        filled(user.c.email).label("email"),
        filled(ADDRESS.c.phone_number).label("phone"),
        user.c.first_name,
        user.c.last_name,
        ADDRESS.c.country_id.label("country"),
        filled(ADDRESS.c.line1).label("street"),
        filled(ADDRESS.c.postcode).label("postcode"),
        filled(ADDRESS.c.line4).label("city"),
        user.c.is_staff,
        user.c.date_joined.label("created_at"),
    ).select_from(
        user.outerjoin(home, home.c.user_id == user.c.id).outerjoin(
            ADDRESS, ADDRESS.c.id == home.c.address_id
        )
    )
