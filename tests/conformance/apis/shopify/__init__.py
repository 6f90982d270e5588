"""Shopify's Admin API: a GraphQL server with points, pages and bulk operations."""
