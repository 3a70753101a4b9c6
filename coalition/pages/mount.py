"""Put the members' pages on the hub."""

from aiohttp import web

from coalition.cli.session import Session
from coalition.pages.door import add_page, show_nothing
from coalition.pages.gift import CODE_PATH as GIFT_CODE_PATH
from coalition.pages.gift import PATH as GIFT_PATH
from coalition.pages.gift import Gifts, show_gift, show_gift_code, take_gift_code
from coalition.pages.sign_in import CODE_PATH, MemberSignIn, leave, show_sign_in
from coalition.pages.site import site_of
from coalition.pages.wallet import show_card, show_history, show_missing, show_start


def mount_member_pages(app: web.Application, session: Session) -> None:
    """Add the members' pages to the application."""
    site_of(app, session)
    sign_in = MemberSignIn()
    add_page(app, "GET", "/", show_start, area="member", is_open=True)
    add_page(app, "GET", "/sign-in", show_sign_in, area="member", is_open=True)
    add_page(app, "POST", "/sign-in", sign_in.ask_code, area="member", is_open=True)
    add_page(app, "GET", CODE_PATH, sign_in.show_code, area="member", is_open=True)
    add_page(app, "POST", CODE_PATH, sign_in.take_code, area="member", is_open=True)
    add_page(app, "POST", "/sign-out", leave, area="member", is_open=True)
    add_page(app, "GET", "/history", show_history, area="member")
    add_page(app, "GET", "/card", show_card, area="member")
    add_page(app, "GET", "/missing", show_missing, area="member")
    add_page(app, "GET", GIFT_PATH, show_gift, area="member")
    add_page(app, "POST", GIFT_PATH, Gifts().ask, area="member")
    add_page(app, "GET", GIFT_CODE_PATH, show_gift_code, area="member")
    add_page(app, "POST", GIFT_CODE_PATH, take_gift_code, area="member")
    # Partners' programs are told as all their calls are.
    add_page(app, "GET", "/{path:(?!v1/).*}", show_nothing, area="member", is_open=True)
