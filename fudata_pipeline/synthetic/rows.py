"""The rows of an item: how many, about whom, on which day, with which defect. One SQL statement, ``r``, a row each.

A row's everything follows from the item and its number: ``src`` picks subject and random values, ``n`` numbers it. Further
rows (copies, near copies, older records of the same key) take over the ``src`` of another and have an ``extra`` kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date

from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.synthetic.columns import ItemColumns
from fudata_pipeline.synthetic.defects import Defect, Profile
from fudata_pipeline.synthetic.subjects import Chosen, choose

EXTRA = {1: "exact_duplicate", 2: "fuzzy_duplicate", 3: "out_of_order"}
STREAMED = 2_000_000
"""From this many rows on an item is streamed through instead of being kept as a table first."""


@dataclass
class Rows:
    """The rows of one item on one night, prepared in ``con``: tables ``sp``, ``sf``, ``sh`` of subjects, and ``r``."""

    con: DuckDBPyConnection
    columns: ItemColumns
    profile: Profile
    wanted: int
    night: int
    as_of: date
    typed: bool
    regular: int = 0
    extra: dict[int, int] = field(default_factory=dict)
    defects: list[Defect] = field(default_factory=list)
    settled: int = 0
    """Rows of the first night: the later ones are new."""
    joins: str = ""
    truth: str = ""

    @property
    def item(self) -> Item:
        return self.columns.item

    @property
    def total(self) -> int:
        return self.regular + sum(self.extra.values())

    @property
    def streamed(self) -> bool:
        return self.total >= STREAMED

    def prepare(self) -> None:
        """Choose the subjects, settle the number of rows, and define ``r`` joined to them as :attr:`joins`."""
        key, seed = self.columns.key, self.columns.seed
        need = self.columns.aliases
        person = self.columns.spec.get("person")
        if person == "legal_rep" or (
            key.subject == "f" and "p" in need and person is None and self.columns.spec.get("firm") is None
        ):
            person = "legal_rep"
        place = self._place(need)
        if place in ("person", "firm"):
            need = need | {"p" if place == "person" else "f"}
        settled = self.wanted
        if key.subject == "g":
            settled = 100_000  # however small the district, its grids are listed in full
        per_key = math.ceil(settled / key.per_subject)
        counts: dict[str, Chosen] = {}
        if "p" in need and person != "legal_rep":
            counts["p"] = choose(self.con, self.columns, "p", per_key if key.subject == "p" else settled, self.night)
        if "f" in need and self.columns.spec.get("firm") != "employer":
            counts["f"] = choose(self.con, self.columns, "f", per_key if key.subject == "f" else settled, self.night)
        if "h" in need and place == "own":
            counts["h"] = choose(
                self.con, self.columns, "h", per_key if key.subject in ("h", "b", "g") else settled, self.night
            )
        subject = {"b": "h", "g": "h"}.get(key.subject or "", key.subject)
        subjects = self._number_of_subjects(counts, subject)
        self.settled = settled if key.unlimited else min(settled, subjects * key.per_subject)
        self.regular = self.settled
        if self.night and key.unlimited:
            self.regular += round(self.settled * self.profile.nights["added"])
        elif self.night and subject in counts and key.per_subject == 1:
            subjects += counts[subject].fresh
            self.regular += counts[subject].fresh
        self.defects = self.profile.defects(self.columns.catalog, self.item, self.regular, typed=self.typed)
        self._extra_rows()
        self._define(counts, subjects, subject, person, place, seed)

    def _place(self, need: set[str]) -> str:
        if "h" not in need:
            return "none"
        declared = str(self.columns.spec.get("place", ""))
        if self.columns.key.subject in ("h", "b", "g"):
            return "own"
        if declared in ("person", "firm", "own"):
            return declared
        if declared:
            return "own"
        if self.columns.key.subject == "f":
            return "firm"
        if "p" in need:
            return "person"
        return "firm" if "f" in need else "own"

    def _number_of_subjects(self, counts: dict[str, Chosen], subject: str | None) -> int:
        key = self.columns.key
        if subject in counts:
            return counts[subject].count
        if key.reference:
            return self.columns.other(key.reference.rpartition(".")[0]).numbers()
        rows = math.ceil(self.wanted / key.per_subject)
        if subject == "numbered":
            return max(1, math.ceil(rows / key.periods()))
        return 1 if key.period else rows

    def _extra_rows(self) -> None:
        rates = self.profile.rates(self.item)
        single_serial = (
            len(self.item.key) == 1
            and self.item.column(self.item.key[0]).field.type == "serial"
            and not self.columns.key.subject
        )
        named = "person_name" in self.item.columns or "entity_name" in self.item.columns
        possible = {1: True, 2: single_serial and named, 3: self.item.latest_by is not None}
        self.extra = {n: int(self.regular * rates.get(kind, 0) / 1_000_000) for n, kind in EXTRA.items() if possible[n]}

    def _base(self) -> str:
        """``pos, n, src, extra``: regular rows first, then the further rows of each kind."""
        parts = [f"SELECT n AS pos, n, n AS src, 0 AS extra FROM twin.ticks WHERE n < {self.regular}"]
        start = self.regular
        for kind, count in self.extra.items():
            if count:
                parts.append(
                    f"SELECT {start} + n AS pos, CASE {kind} WHEN 2 THEN {start} + n ELSE src END AS n, src, {kind} AS extra "
                    f"FROM (SELECT n, ({self.columns.seed} + n * {self.regular // count}) % {self.regular} AS src FROM twin.ticks WHERE n < {count})"
                )
                start += count
        return " UNION ALL ".join(parts)

    def _changing(self) -> tuple[str, str]:
        """SQL of the random key on this night, and of whether a row is still there."""
        key, gone = "k0", "true"
        for night in range(1, self.night + 1):
            key = f"CASE WHEN rnd(k0, {500 + night}) < {self.profile.nights['changed']} THEN draw(k0, {600 + night}) ELSE {key} END"
            gone += f" AND (r.n = 0 OR rnd(k0, {700 + night}) >= {self.profile.nights['deleted']})"
        return key, gone

    def _define(
        self, counts: dict[str, Chosen], subjects: int, subject: str | None, person: object, place: str, seed: int
    ) -> None:
        key = self.columns.key
        changed, there = self._changing()

        # A numbered device stays with its firm and building; other rows meet whom they will.
        steady = f"draw({seed}, e)" if subject == "numbered" else "k0"

        def pick(alias: str, salt: int) -> str:
            if alias not in counts:
                return "CAST(NULL AS BIGINT)"
            return "e" if subject == alias else f"CAST(draw({steady}, {salt}) % {counts[alias].count} AS BIGINT)"

        day = key.day_sql()
        own_day = self.columns.day_sql("k0")
        day = day or own_day
        if self.night and not key.day_sql():  # what changed tonight, or is new, bears tonight's date
            day = f"CASE WHEN {changed} <> k0 OR r.n >= {self.settled} THEN DATE '{self.as_of}' ELSE {day} END"
        numbered = (
            f"SELECT *, draw({seed}, src) AS k0, (src // {key.per_subject}) % {max(1, subjects)} AS e, "
            f"src // {key.per_subject * max(1, subjects)} AS cycle FROM ({self._base()})"
        )
        if self.night and key.day_sql() and self.regular > self.settled:
            each = key.per_subject
            numbered = (
                f"SELECT * REPLACE (((src - {self.settled}) // {each}) % {max(1, subjects)} AS e, "
                f"-1 - (src - {self.settled}) // {each * max(1, subjects)} AS cycle) FROM ({numbered}) WHERE src >= {self.settled} "
                f"UNION ALL SELECT * FROM ({numbered}) WHERE src < {self.settled}"
            )
        dk = self._defect_sql()
        # A row's place in the file; where rows were deleted it has to be counted.
        pos = (
            "r.pos"
            if self.night == 0
            else f"row_number() OVER ({'' if self.streamed else 'ORDER BY r.pos'}) - 1 AS pos"
        )
        rows = (
            f"SELECT {pos}, r.n, r.extra, r.k0, {changed} AS k, r.e, r.cycle, {day} AS day, "
            f"{pick('p', 31)} AS pe, {pick('f', 32)} AS fe, {pick('h', 33)} AS he, {dk} AS dk FROM ({numbered}) r WHERE {there}"
        )
        if self.night and self.item.load.merges:  # only what is new, or has changed, since the night before
            news = f"r.n >= {self.settled}"
            if self.item.load.mode == "upsert":
                news += f" OR rnd(k0, {500 + self.night}) < {self.profile.nights['changed']}"
            rows += f" AND ({news})"
        if self.night and subject in counts:
            rows += f" AND r.e NOT IN (SELECT e_ FROM s{subject} WHERE gone)"
        rows = f"SELECT *, CAST(day AS TIMESTAMP) + to_seconds(CAST(25200 + draw(k, 4) % 54000 AS BIGINT)) AS moment FROM ({rows})"
        joins = []
        if "f" in counts:
            joins.append("LEFT JOIN sf f ON f.e_ = r.fe")
        if "p" in counts:
            joins.append("LEFT JOIN sp p ON p.e_ = r.pe")
        elif person == "legal_rep" and "p" in self.columns.aliases:
            joins.append("LEFT JOIN twin.p p ON p.person_id = f.legal_rep")
        if self.columns.spec.get("firm") == "employer" and "f" in self.columns.aliases | (
            {"f"} if place == "firm" else set()
        ):
            joins.append("LEFT JOIN twin.f f ON f.firm_id = p.firm_id")
        stale = [d.number for d in self.defects if d.kind == "stale_place"]
        if place == "own":
            joins.append("LEFT JOIN sh h ON h.e_ = r.he")
        elif place in ("person", "firm"):
            live = "p.house_id" if place == "person" else "f.house_id"
            if place == "person" and stale:
                live = f"CASE WHEN r.dk IN ({', '.join(map(str, stale))}) THEN coalesce(p.old_house_id, p.house_id) ELSE p.house_id END"
            joins.append(f"LEFT JOIN twin.h h ON h.house_id = {live}")
        if not self.streamed:
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE r AS {rows}")
            # Statements grow with every defect they must be ready for: most small items bear two or three.
            borne = {number for (number,) in self.con.execute("SELECT DISTINCT dk FROM r").fetchall()}
            self.defects = [d for d in self.defects if d.number in borne]
        self.joins = f"FROM {f'({rows}) r' if self.streamed else 'r'} " + " ".join(joins)
        self.truth = self._truth_sql(place, "p" in counts or "p" in " ".join(joins), "f" in " ".join(joins).split())

    def _defect_sql(self) -> str:
        """The number of the defect that a row bears, 0 for most."""
        reached, whens = 0.0, []
        for defect in self.defects:
            reached += defect.per_million
            whens.append(f"WHEN u < {reached:.3f} THEN {defect.number}")
        if not whens:
            return "0"
        u = "(draw(r.k0, 999) % 1000000)"
        return f"CASE WHEN {u} >= {reached:.3f} OR r.extra > 1 THEN 0 {' '.join(whens).replace('u <', f'{u} <')} ELSE 0 END"

    def _truth_sql(self, place: str, person: bool, firm: bool) -> str:
        true_house = {"own": "h.house_id", "person": "p.house_id", "firm": "f.house_id"}.get(
            place, "CAST(NULL AS INTEGER)"
        )
        return (
            f"{'p.person_id' if person else 'CAST(NULL AS INTEGER)'} AS person, "
            f"{'f.firm_id' if firm else 'CAST(NULL AS INTEGER)'} AS firm, {true_house} AS house"
        )


def day_of(night: int, first: date) -> date:
    """The date of a night, 0 being the first."""
    return date.fromordinal(first.toordinal() + night)
