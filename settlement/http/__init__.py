"""Settlement's part of the API; the composition root hands `routes` to the hub's application."""

from settlement.http.disputes import ROUTES as DISPUTE_ROUTES
from settlement.http.documents import ROUTES as DOCUMENT_ROUTES
from settlement.http.items import ROUTES as ITEM_ROUTES
from settlement.http.windows import ROUTES as WINDOW_ROUTES

routes = [*WINDOW_ROUTES, *ITEM_ROUTES, *DOCUMENT_ROUTES, *DISPUTE_ROUTES]

__all__ = ["routes"]
