"""`coalition webhook`: where partners are told what happened to their operations."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import Session, now, open_session, run, show
from coalition.errors import SettingError
from coalition.http.hub_key import Signer, load_signer
from coalition.stores.hub_keys import load_hub_keys
from coalition.stores.webhooks import ListedWebhook, list_webhooks
from coalition.webhooks import manage_webhook

webhook_app = typer.Typer(help="Webhooks: add, list, try, resume, remove.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The webhook's number; see `webhook list`.")]


@webhook_app.command("add")
def add(
    partner: Annotated[str, typer.Argument(help="The partner's name.")],
    url: Annotated[str, typer.Argument(help="https://... that takes POSTs.")],
    from_beginning: Annotated[bool, typer.Option(help="Tell of what happened before, too.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Tell a partner what happens to its operations from now on; prints the keys that its receiver verifies with."""

    async def work(session: Session) -> None:
        webhook = await manage_webhook.add_webhook(
            session.pool,
            partner=partner,
            url=url,
            is_from_beginning=from_beginning,
            is_http_allowed=session.settings.webhook_allow_http,
            now=now(),
        )
        async with session.pool.acquire() as connection:
            keys = [f"whpk_{b64encode(row['public_key']).decode()}" for row in await load_hub_keys(connection)]
        text = f"Webhook {webhook} tells {partner}. Keys: {' '.join(keys) or 'made when the hub first starts'}"
        show({"webhook": webhook, "partner": partner, "url": url, "keys": keys}, as_json=as_json, text=text)

    _run(data_dir, database_url, work)


@webhook_app.command("list")
def list_all(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the webhooks: which work, which fail and since when, which were given up."""

    async def work(session: Session) -> None:
        async with session.pool.acquire() as connection:
            listed = await list_webhooks(connection)
        text = "\n".join(map(_line, listed)) or "There are no webhooks yet."
        show([webhook._asdict() for webhook in listed], as_json=as_json, text=text)

    _run(data_dir, database_url, work)


@webhook_app.command("remove")
def remove(webhook: Number, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Tell nobody there any more."""

    async def work(session: Session) -> None:
        await manage_webhook.remove_webhook(session.pool, webhook=webhook)
        typer.echo(f"Webhook {webhook} is removed.")

    _run(data_dir, database_url, work)


@webhook_app.command("resume")
def resume(webhook: Number, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Go on with a disabled webhook where it stopped; one that waits is tried at once."""

    async def work(session: Session) -> None:
        await manage_webhook.resume_webhook(session.pool, webhook=webhook, now=now())
        typer.echo(f"Webhook {webhook} goes on.")

    _run(data_dir, database_url, work)


@webhook_app.command("test")
def try_out(
    webhook: Number, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Post a signed message that tells of nothing; exit 1 if it did not arrive."""

    async def work(session: Session) -> None:
        outcome = await manage_webhook.try_webhook(
            session.pool,
            _signer(session).sign_content,
            webhook=webhook,
            is_http_allowed=session.settings.webhook_allow_http,
            now=now(),
        )
        document = {"webhook": webhook, "delivered": outcome.fault is None, "fault": outcome.fault}
        show(document, as_json=as_json, text=f"Webhook {webhook}: {outcome.fault or 'delivered'}.")
        if outcome.fault is not None:
            raise typer.Exit(1)

    _run(data_dir, database_url, work)


def _run(data_dir: Path | None, database_url: str | None, work: Callable[[Session], Awaitable[None]]) -> None:
    async def in_session() -> None:
        async with open_session(data_dir, database_url) as session:
            await work(session)

    run(in_session())


def _signer(session: Session) -> Signer:
    path = session.settings.hub_key_path
    if not path.exists():
        # A key made here would be none that partners know.
        raise SettingError(f"hub_key (COALITION_HUB_KEY): no file {path}; the hub makes it when it first starts")
    return load_signer(path)


def _line(webhook: ListedWebhook) -> str:
    state = f"{webhook.webhook:>5}  {webhook.status:<9} {webhook.partner}  {webhook.url}"
    if webhook.failing_since is None or webhook.last_fault is None:
        return state
    return f"{state}  {webhook.last_fault}, {webhook.failures} times since {webhook.failing_since:%Y-%m-%d %H:%M} UTC"
