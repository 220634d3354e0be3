"""Made-up identifiers that pass the checks of their standards."""

from __future__ import annotations

import datetime as dt
from random import Random

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def id_check(seventeen: str) -> str:
    """Check character of a resident identity number (GB 11643-1999)."""
    return "10X98765432"[sum(w * int(c) for w, c in zip(_ID_WEIGHTS, seventeen, strict=True)) % 11]


def resident_id(rng: Random, region: str, born: dt.date, sex: str) -> str:
    """A valid number of 18 characters; ``sex`` is 1 (male, odd order code) or 2."""
    order = rng.randrange(1, 497) * 2 + (1 if sex == "1" else 0)
    body = f"{region}{born:%Y%m%d}{order:03d}"
    return body + id_check(body)


def wrong_check(number: str) -> str:
    """The same number with another last digit."""
    return number[:-1] + ("5" if number[-1] != "5" else "6")


def old_15(number: str) -> str:
    """The number of 15 digits that someone born before 2000 once had."""
    return number[:6] + number[8:17]


def uscc(rng: Random, kind: str, region: str) -> str:
    """A valid unified social credit code (GB 32100-2015); ``kind`` is its first two characters."""
    org = "MA5" + "".join(rng.choice("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(5))
    total = sum(w * _ORG_ALPHABET.index(c) for w, c in zip(_ORG_WEIGHTS, org, strict=True))
    body = kind + region + org + "0123456789X"[(11 - total) % 11]
    value = sum(pow(3, i, 31) * _USCC_ALPHABET.index(c) for i, c in enumerate(body))
    return body + _USCC_ALPHABET[(31 - value % 31) % 31]


def mobile(rng: Random) -> str:
    """A mobile number of the range 199 0000, which stands for no subscriber here."""
    return f"1990000{rng.randrange(1000, 10000)}"


def landline(rng: Random) -> str:
    return f"0755-8000{rng.randrange(1000, 10000)}"
