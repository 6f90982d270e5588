"""django-oscar's tables, with the columns that are read."""

from __future__ import annotations

from sqlalchemy import DateTime

from connectors.core.database.presets.view import Tables

table = Tables(
    DateTime(timezone=True),
    times=(
        *("date_created", "date_joined", "date_merged", "date_placed", "date_submitted"),
        "date_updated",
    ),
    flags=("is_default_for_shipping", "is_public", "is_staff", "track_stock"),
)

ORDER = table(
    "order_order",
    "id number user_id basket_id guest_email status currency total_incl_tax date_placed"
    " shipping_address_id",
)
LINE = table(
    "order_line", "id order_id product_id quantity unit_price_incl_tax line_price_incl_tax"
)
STATUS_CHANGE = table("order_orderstatuschange", "order_id date_created")
DISCOUNT = table("order_orderdiscount", "order_id amount")
SHIPPED_TO = table("order_shippingaddress", "id country_id")
PAYMENT = table("payment_source", "id order_id amount_refunded")
TRANSACTION = table("payment_transaction", "source_id date_created")

ADDRESS = table(
    "address_useraddress",
    "id user_id line1 line4 postcode country_id phone_number is_default_for_shipping",
)

PRODUCT = table(
    "catalogue_product", "id title parent_id product_class_id is_public date_created date_updated"
)
KIND = table("catalogue_productclass", "id track_stock")
IN_CATEGORY = table("catalogue_productcategory", "id product_id category_id")
CATEGORY = table("catalogue_category", "id name")
STOCK = table(
    "partner_stockrecord",
    "id product_id price price_currency num_in_stock num_allocated date_updated",
)

BASKET = table("basket_basket", "id owner_id status date_created date_merged date_submitted")
BASKET_LINE = table(
    "basket_line",
    "id basket_id product_id quantity price_incl_tax price_excl_tax price_currency date_updated",
)
