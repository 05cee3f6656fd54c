"""Amounts of money as a person reads them."""

from __future__ import annotations

from decimal import Decimal

# ISO 4217: how many decimal places a currency has, where that is not two.
# fmt: off
_PLACES = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
    "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}
# fmt: on


def money(amount_minor: int, currency: str) -> str:
    """For example `1,234.50 EUR`, on one line."""
    return f"{Decimal(amount_minor).scaleb(-_PLACES.get(currency, 2)):,f}\u00a0{currency}"
