"""Vendure's customers, guests among them, with an address of theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, func, select

from connectors.core.database.presets.vendure.tables import ADDRESS, CUSTOMER, REGION
from connectors.core.database.presets.view import filled


def customers() -> Select[Any]:
    """Customers who were not deleted; the address usual for shipping counts, else the first."""
    address = ADDRESS.c
    usual = func.min(case((address.defaultShippingAddress, address.id)))
    chosen = func.coalesce(usual, func.min(address.id)).label("address_id")
    home = select(address.customerId, chosen).group_by(address.customerId).subquery("home")
    customer = CUSTOMER.c
    return (
        select(
            customer.id.label("customer_id"),
            filled(customer.emailAddress).label("email"),
            filled(customer.phoneNumber).label("phone"),
            customer.firstName.label("first_name"),
            customer.lastName.label("last_name"),
            REGION.c.code.label("country"),
            filled(address.streetLine1).label("street"),
            filled(address.postalCode).label("postcode"),
            filled(address.city).label("city"),
            filled(address.company).label("company"),
            customer.createdAt.label("created_at"),
            customer.updatedAt.label("updated_at"),
        )
        .outerjoin_from(CUSTOMER, home, home.c.customerId == customer.id)
        .outerjoin(ADDRESS, address.id == home.c.address_id)
        .outerjoin(REGION, REGION.c.id == address.countryId)
        .where(customer.deletedAt.is_(None))
    )
