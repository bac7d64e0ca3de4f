"""Rows in Core's JSON format. Which fields an answer has depends on the endpoint, as recorded."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

import orjson

from blnk_api.practice.api.filters import IDENTITY_TEXTS, MONEY

NO_TIME = "0001-01-01T00:00:00Z"


def time_text(ns: int) -> str:
    """A time in nanoseconds since 1970 as Go formats it, without trailing zeros of the fraction."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    digits = f".{fraction:09}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{digits}Z"


def ledger(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "ledger_id": row["ledger_id"],
        "name": row["name"],
        "created_at": time_text(row["created_at"] * 1000),
        "meta_data": _metadata(row),
    }


def identity(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "identity_id": row["identity_id"],
        **{name: row[name] for name in IDENTITY_TEXTS},
        "dob": row["dob"],
        "created_at": time_text(row["created_at"] * 1000),
        "meta_data": _metadata(row),
    }


def balance_found(row: sqlite3.Row) -> dict[str, Any]:
    """As filters return it: Core does not select lineage and strategy there, so lineage is always false."""
    return {**_balance(row, version=0), "track_fund_lineage": False}


def balance_read(row: sqlite3.Row) -> dict[str, Any]:
    """As GET returns it: the version is 1 there, and 0 in the answer to its creation."""
    return {
        **_balance(row, version=1),
        "track_fund_lineage": bool(row["track_fund_lineage"]),
        "allocation_strategy": row["allocation_strategy"],
    }


def balance_held(row: sqlite3.Row) -> dict[str, Any]:
    """Everything that Practice knows about a balance, for the control routes."""
    return {**balance_read(row), "committed_at": time_text(row["committed_at"] * 1000)}


def balance_made(row: dict[str, Any], created_ns: int) -> dict[str, Any]:
    """As in the answer to its creation, with created_at in nanoseconds."""
    return {
        **_balance(row, version=0),
        "created_at": time_text(created_ns),
        "track_fund_lineage": bool(row["track_fund_lineage"]),
        "allocation_strategy": row["allocation_strategy"],
    }


def _balance(row: Any, version: int) -> dict[str, Any]:
    shape: dict[str, Any] = {
        **dict.fromkeys(MONEY, 0),
        "version": version,
        "ledger_id": row["ledger_id"],
        "identity_id": row["identity_id"] or "",
        "balance_id": row["balance_id"],
        "currency": row["currency"],
        "created_at": time_text(row["created_at"] * 1000),
        "inflight_expires_at": NO_TIME,
        "meta_data": _metadata(row),
    }
    if row["indicator"]:
        shape["indicator"] = row["indicator"]
    return shape


def _metadata(row: Any) -> Any:
    return None if row["meta_data"] is None else orjson.Fragment(row["meta_data"])
