"""Settlement's part of the API; the composition root hands `routes` to the hub's application."""

from dataclasses import replace

from settlement.http.disputes import ROUTES as DISPUTE_ROUTES
from settlement.http.documents import ROUTES as DOCUMENT_ROUTES
from settlement.http.items import ROUTES as ITEM_ROUTES
from settlement.http.windows import ROUTES as WINDOW_ROUTES

ROUTES = (*WINDOW_ROUTES, *ITEM_ROUTES, *DOCUMENT_ROUTES, *DISPUTE_ROUTES)
# All are about the bill, which a partner that has left still gets, and may dispute.
routes = [replace(route, takes_from_left=True) for route in ROUTES]

__all__ = ["routes"]
