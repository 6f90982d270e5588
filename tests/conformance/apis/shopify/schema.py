"""The part of Shopify's Admin GraphQL schema (2026-07) that Parley asks."""

from __future__ import annotations

from graphql import build_schema

CONNECTIONS = {
    "Order": "orders",
    "Customer": "customers",
    "Product": "products",
    "AbandonedCheckout": "abandonedCheckouts",
}
INNER = {
    "LineItem": ("Order", "lineItems"),
    "AbandonedCheckoutLineItem": ("AbandonedCheckout", "lineItems"),
    "ProductVariant": ("Product", "variants"),
}
SDL = """
scalar DateTime
scalar Decimal
scalar Money
scalar URL
scalar UnsignedInt64
interface Node { id: ID! }
type PageInfo {
  hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String
}
type MoneyV2 { amount: Decimal! currencyCode: String! }
type MoneyBag { shopMoney: MoneyV2! presentmentMoney: MoneyV2! }
type MailingAddress {
  countryCodeV2: String address1: String city: String zip: String company: String
}
type CustomerEmailAddress {
  emailAddress: String! marketingState: String! marketingOptInLevel: String
  marketingUpdatedAt: DateTime
}
type CustomerPhoneNumber { phoneNumber: String! }
type Customer implements Node {
  id: ID! legacyResourceId: UnsignedInt64! createdAt: DateTime! updatedAt: DateTime!
  locale: String! firstName: String lastName: String
  defaultEmailAddress: CustomerEmailAddress
  defaultPhoneNumber: CustomerPhoneNumber defaultAddress: MailingAddress
}
type ProductPriceRangeV2 { minVariantPrice: MoneyV2! maxVariantPrice: MoneyV2! }
type ProductVariant implements Node {
  id: ID! legacyResourceId: UnsignedInt64! title: String! sku: String price: Money!
  inventoryQuantity: Int availableForSale: Boolean!
}
type Product implements Node {
  id: ID! legacyResourceId: UnsignedInt64! title: String! productType: String! status: String!
  createdAt: DateTime! updatedAt: DateTime! priceRangeV2: ProductPriceRangeV2!
  variants(first: Int, after: String): ProductVariantConnection!
}
type LineItem implements Node {
  id: ID! title: String! sku: String quantity: Int! currentQuantity: Int!
  originalUnitPriceSet: MoneyBag! discountedTotalSet: MoneyBag! product: Product
  variant: ProductVariant
}
type Order implements Node {
  id: ID! legacyResourceId: UnsignedInt64! name: String! createdAt: DateTime! processedAt: DateTime!
  updatedAt: DateTime! cancelledAt: DateTime test: Boolean! email: String phone: String
  sourceName: String displayFinancialStatus: String displayFulfillmentStatus: String!
  cartToken: String customer: Customer shippingAddress: MailingAddress
  billingAddress: MailingAddress
  totalPriceSet: MoneyBag! totalDiscountsSet: MoneyBag totalRefundedSet: MoneyBag!
  lineItems(first: Int, after: String): LineItemConnection!
}
type AbandonedCheckoutLineItem implements Node {
  id: ID! title: String sku: String quantity: Int! originalUnitPriceSet: MoneyBag! product: Product
  variant: ProductVariant
}
type AbandonedCheckout implements Node {
  id: ID! name: String! createdAt: DateTime! updatedAt: DateTime! completedAt: DateTime
  abandonedCheckoutUrl: URL! customer: Customer totalPriceSet: MoneyBag!
  lineItems(first: Int, after: String): AbandonedCheckoutLineItemConnection!
}
type BulkOperation implements Node {
  id: ID! status: String! errorCode: String createdAt: DateTime! completedAt: DateTime
  objectCount: UnsignedInt64! rootObjectCount: UnsignedInt64! url: URL partialDataUrl: URL
}
type BulkOperationUserError { code: String field: [String!] message: String! }
type BulkOperationRunQueryPayload {
  bulkOperation: BulkOperation userErrors: [BulkOperationUserError!]!
}
type AccessScope { handle: String! }
type AppInstallation { accessScopes: [AccessScope!]! }
enum OrderSortKeys { CREATED_AT ID PROCESSED_AT UPDATED_AT }
enum CustomerSortKeys { CREATED_AT ID NAME UPDATED_AT }
enum ProductSortKeys { CREATED_AT ID TITLE UPDATED_AT }
enum AbandonedCheckoutSortKeys { CHECKOUT_ID CREATED_AT CUSTOMER_NAME ID RELEVANCE TOTAL_PRICE }
type Mutation {
  bulkOperationRunQuery(
    query: String!, groupObjects: Boolean! = false
  ): BulkOperationRunQueryPayload
}
"""


def _lists() -> str:
    types = [
        f"type {name}Connection {{ nodes: [{name}!]! edges: [{name}Edge!]! pageInfo: PageInfo! }}\n"
        f"type {name}Edge {{ node: {name}! cursor: String! }}"
        for name in (*CONNECTIONS, *INNER)
    ]
    roots = [
        f"{field}(first: Int, after: String, query: String, sortKey: {name}SortKeys):"
        f" {name}Connection!"
        for name, field in CONNECTIONS.items()
    ]
    query = "\n".join([*roots, "node(id: ID!): Node", "currentAppInstallation: AppInstallation!"])
    return "\n".join([*types, f"type Query {{ {query} }}"])


SCHEMA = build_schema(SDL + _lists())
