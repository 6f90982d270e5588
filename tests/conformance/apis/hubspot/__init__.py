"""A HubSpot account on loopback, as far as Parley asks it: stateful, with its limits and traps.

Shapes: HubSpot's public documentation and its own client's models (hubspot-api-client); search,
errors and ids as in the recorded exchanges of 2022 (v1 contacts and lists, v3 company search).
"""

from tests.conformance.apis.hubspot.portal import TOKEN, Portal

__all__ = ["TOKEN", "Portal"]
