"""A calendar month as reports speak of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta


class NotReported(Exception):
    """There is nothing to report as asked; the message says why, and the cure."""


@dataclass(frozen=True, order=True)
class Month:
    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """``2022-10``.

        Raises:
            NotReported: for anything else.
        """
        found = re.fullmatch(r"([12]\d{3})-(0[1-9]|1[0-2])", text.strip())
        if found is None:
            raise NotReported(f"{text!r} 不是月份 → 写成 YYYY-MM，例如 2022-10")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year, day.month)

    def back(self, months: int) -> Month:
        """The month so many months before."""
        years, number = divmod(self.year * 12 + self.number - 1 - months, 12)
        return Month(years, number + 1)

    @property
    def first(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        return self.back(-1).first - timedelta(days=1)

    def as_of(self, today: date) -> date:
        """The day a report speaks of: the month's last, or today while the month runs."""
        return min(self.last, today)

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02d}"

    @property
    def title(self) -> str:
        return f"{self.year}年{self.number}月"


def midnight_after(day: date) -> datetime:
    """The moment a day is over."""
    return datetime.combine(day + timedelta(days=1), datetime.min.time())
