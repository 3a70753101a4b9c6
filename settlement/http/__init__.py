"""Settlement's part of the API; the composition root hands `routes` to the hub's application."""

from settlement.http.windows import ROUTES as routes

__all__ = ["routes"]
