"""Which internet addresses are public, and which networks an administrator allows besides."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# `is_global` differs between versions of Python, so what it once missed is named here.
_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",  # between a provider and its customers
            "192.0.0.0/24",  # protocol assignments
            "192.88.99.0/24",  # relays of 6to4
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_allowed(text: str, allowed: Sequence[Network] = ()) -> bool:
    """Tell whether the service may connect to an address on behalf of a user.

    Parameters
    ----------
    text : str
        As the resolver gives it: ``192.0.2.1``, ``2001:db8::1``, ``fe80::1%eth0``.
    allowed : sequence of networks
        Allowed although they are not public.

    Returns
    -------
    bool
        True when the address, or the IPv4 address that is wrapped in it (mapped, 6to4, NAT64),
        lies in an allowed network or is public.
    """
    address = ip_address(text)
    inner = _unwrapped(address)
    return any(address in network or inner in network for network in allowed) or _is_public(inner)


def _unwrapped(address: Address) -> Address:
    """Return where a packet to this address really goes."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        special = any(address in network for network in _NOT_PUBLIC_4)
    else:
        special = address not in _PUBLIC_6 or any(address in n for n in _NOT_PUBLIC_6)
    return address.is_global and not special
