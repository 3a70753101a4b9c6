"""What a command's options name: the hub, the outbox, the form of what is printed."""

import argparse
import json
from typing import Any

from partner_sdk.client import Coalition
from partner_sdk.connection import default_outbox
from partner_sdk.errors import OutboxError
from partner_sdk.outbox import Outbox, existing_outbox


def hub_of(options: argparse.Namespace) -> Coalition:
    """Return the connection that a command's options describe. Raises KeyUnusableError, OutboxError."""
    return Coalition(
        options.url, options.key, outbox=options.outbox, hub_key=options.hub_key, give_up_after_s=options.give_up_after
    )


def outbox_of(options: argparse.Namespace) -> Outbox:
    """Open the outbox that is named, or lies beside the key. Raises OutboxError."""
    path = options.outbox or (default_outbox(options.key) if options.key else None)
    if path is None:
        raise OutboxError("name the outbox: --outbox FILE, or --key PEM for the one beside it")
    return existing_outbox(path)


def print_result(content: dict[str, Any], text: str, options: argparse.Namespace) -> None:
    """Print the content as JSON where that was asked for, else the text."""
    print(json.dumps(content) if options.json else text)
