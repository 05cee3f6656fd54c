"""Where load may go: base URLs, and the addresses behind them. Load goes to this machine unless a host is allowed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit


def problems(url: str, allowed_hosts: Collection[str]) -> list[str]:
    """Why load can't or mustn't go to `url`; looks its host up."""
    try:
        parts = urlsplit(url)
        port_is_wrong = parts.port == 0
    except ValueError as error:
        return [f"{url}: {error}"]
    if parts.scheme != "http" or not parts.hostname:
        return [f"{url}: not an http:// address; for example  http://127.0.0.1:8000"]
    found = []
    if port_is_wrong:
        found.append(f"{url}: 0 is not a port")
    if parts.username or parts.path not in {"", "/"} or parts.query or parts.fragment:
        found.append(f"{url}: give scheme, host and port only; the scenario has the paths")
    try:
        addresses = _addresses(parts.hostname)
    except OSError as error:
        return [*found, f"{url}: {parts.hostname} cannot be resolved: {error.strerror or error}"]
    outside = [address for address in addresses if not ipaddress.ip_address(address).is_loopback]
    if outside and parts.hostname not in allowed_hosts:
        found.append(
            f"{url}: {outside[0]} is not this machine; if you may put load on it, add  --allow-host {parts.hostname}"
        )
    return found


def address(url: str) -> str:
    """The IP address of the URL's host, IPv4 first. Raises OSError when it can't be resolved."""
    return _addresses(urlsplit(url).hostname or "")[0]


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(entry[4][0]).partition("%")[0] for entry in sorted(found, key=lambda entry: entry[0] != socket.AF_INET)]
