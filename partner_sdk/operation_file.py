"""Operations from a file or from flags of the command line."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partner_sdk.errors import FieldFault, InvalidOperationError
from partner_sdk.operation import KINDS, Operation, parse_operation


def operation_of_flags(kind: str, fields: Mapping[str, Any]) -> Operation:
    """Return the operation that the flags describe. Raises InvalidOperationError."""
    return parse_operation({"type": kind, **fields})


def read_operations(source: str, *, new_ids: bool, flags: Mapping[str, Any]) -> list[Operation]:
    """Return the operations of a file, or of stdin for "-"; `flags` describe one without a file, and may not be given.

    JSON: a list, or the body of a message; JSON Lines: one a line. Each needs its id, so that sending the same file
    twice books nothing twice; `new_ids` makes ids for those without. Raises InvalidOperationError with every fault.
    """
    if source != "-" and not Path(source).exists():
        raise _unreadable(source, f"expected {', '.join(KINDS)}, or a file of operations; there is none")
    if flags:
        raise _unreadable(source, f"{', '.join(flags)}: flags are for one operation without a file, which has its own")
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise _unreadable(source, str(fault)) from fault
    return _checked(source, _fields(source, text), new_ids=new_ids)


def _checked(source: str, every: list[Any], *, new_ids: bool) -> list[Operation]:
    operations: list[Operation] = []
    faults: list[FieldFault] = []
    for number, fields in enumerate(every, start=1):
        try:
            operations.append(_operation(fields, new_ids=new_ids))
        except InvalidOperationError as fault:
            faults += [FieldFault(field=f"{number}.{one.field}".rstrip("."), reason=one.reason) for one in fault.faults]
    if faults:
        raise InvalidOperationError(source, faults)
    return operations


def _operation(fields: Any, *, new_ids: bool) -> Operation:
    if not isinstance(fields, dict):
        raise InvalidOperationError("operation", [FieldFault(field="", reason="must be an object")])
    if "id" not in fields and not new_ids:
        raise InvalidOperationError("operation", [FieldFault(field="id", reason="is missing (or use --new-ids)")])
    return parse_operation(fields)


def _fields(source: str, text: str) -> list[Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return _lines(source, text)
    if isinstance(content, dict) and isinstance(content.get("operations"), list):
        return list(content["operations"])
    return content if isinstance(content, list) else [content]


def _lines(source: str, text: str) -> list[Any]:
    every = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            every += [json.loads(line)] if line.strip() else []
        except ValueError as fault:
            raise _unreadable(source, f"neither JSON nor JSON Lines: line {number}: {fault}") from fault
    return every


def _unreadable(source: str, reason: str) -> InvalidOperationError:
    return InvalidOperationError(source, [FieldFault(field="", reason=reason)])
