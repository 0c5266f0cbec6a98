"""Signatures of what the service sends, so that receivers know from whom it comes."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

SIGNATURE: Final = "X-Ccp-Signature"
TIMESTAMP: Final = "X-Ccp-Timestamp"
DELIVERY: Final = "X-Ccp-Delivery"


def signature(key: str, message: bytes) -> str:
    """Return the value of the header ``X-Ccp-Signature``."""
    return "sha256=" + hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def callback_headers(key: str, delivery: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers by which the receiver of a callback checks it.

    The signature covers time, delivery and body, with a dot between, so that nobody can send an
    old callback again as a new one.

    Parameters
    ----------
    key : str
        Of the user whose Execution it is.
    delivery : str
        The same for each try of one callback, and for no other.
    timestamp : int
        Seconds since 1970, of this try.
    body : bytes
        What is sent.
    """
    message = b".".join((str(timestamp).encode(), delivery.encode(), body))
    return {
        TIMESTAMP: str(timestamp),
        DELIVERY: delivery,
        SIGNATURE: signature(key, message),
    }
