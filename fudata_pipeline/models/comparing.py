"""What is compared between a record and an entity, in which levels, and what each level says if nothing is learned.

``m`` is the declared share of true pairs on a level, ``u`` that of other pairs. They stand in for what the data cannot
tell, and bound what is learned: in blocks that a family shares, learning takes family members for matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STRANGERS = 10_000
"""Of as many at least a record may be about one: in a small district it may as well be about somebody whom nobody knows."""


@dataclass(frozen=True)
class Level:
    """One level: its word in patterns, its condition over ``…_l`` and ``…_r`` columns, the declared probabilities.

    ``shared``: the list column by which ``u`` is counted exactly over all entities, instead of over a sample.
    ``kin``: what different people of one household, or firms of one group, often have in common; such a level's ``u`` is
    at least the declared one, for it is among them that it decides, and its ``m`` is not learned: learning cannot tell
    a misspelt name from a brother's.
    ``given``: a condition that another comparison judges too (the same phone): both probabilities are those among pairs
    that meet it, so that a household's phone and house do not count as two independent agreements.
    """

    word: str
    sql: str
    m: float
    u: float
    tf: float = 0.0
    shared: str = ""
    given: str = ""
    kin: bool = False

    @property
    def label(self) -> str:
        return f"{self.word} (given {self.given})" if self.given else self.word


@dataclass(frozen=True)
class Comparison:
    """One comparison: its word, when it says nothing, its levels from the best to ELSE."""

    word: str
    missing: str
    levels: tuple[Level, ...]

    def gamma(self) -> str:
        """The level of a pair as SQL: -1 missing, 0 ELSE, the best has the highest number."""
        top = len(self.levels) - 1
        cases = " ".join(f"WHEN {level.sql} THEN {top - n}" for n, level in enumerate(self.levels[:-1]))
        return f"CASE WHEN {self.missing} THEN -1 {cases} ELSE 0 END"

    def pattern(self) -> str:
        """The level of a scored pair in words, as SQL: ``name:exact``."""
        top = len(self.levels) - 1
        cases = " ".join(f"WHEN {top - n} THEN '{self.word}:{level.word}'" for n, level in enumerate(self.levels))
        return f"CASE gamma_{self.word} {cases} ELSE '{self.word}:missing' END"

    def settings(self, values: dict[str, dict[str, float]], tf: bool) -> dict[str, Any]:
        """Splink's declaration with the probabilities in ``values``, ``{level's sql: {m_probability, u_probability}}``.

        Splink tells what it estimated by the probabilities that were not given to it.
        """
        levels: list[dict[str, Any]] = [
            {"sql_condition": self.missing, "label_for_charts": "missing", "is_null_level": True}
        ]
        for level in self.levels:
            frequency = {"tf_adjustment_column": "name", "tf_adjustment_weight": level.tf} if tf and level.tf else {}
            levels.append(
                {"sql_condition": level.sql, "label_for_charts": level.label, **values.get(level.sql, {}), **frequency}
            )
        return {"output_column_name": self.word, "comparison_levels": levels}


def _missing(key: str) -> str:
    return f"{key}_l IS NULL OR {key}_r IS NULL"


def _any(column: str) -> str:
    return f"list_has_any({column}_l, {column}_r)"


_PHONE = Comparison(
    "phone",
    _missing("phone_key"),
    (
        Level("equal", _any("phones"), 0.85, 1e-6, shared="phones"),
        Level("near", "near_any(phones_l, phones_r)", 0.02, 1e-6),
        Level("else", "ELSE", 0.13, 0.999998),
    ),
)

PERSON = (
    Comparison(
        "name",
        _missing("fold"),
        (
            Level("exact", "name_l = name_r", 0.96, 2e-4, 1.0, shared="names"),
            Level("variant", "fold_l = fold_r", 0.01, 2e-6, 1.0),
            Level("pinyin", "pinyin_l = pinyin_r", 0.008, 2e-4, 0.5),
            Level("reordered", "bag_l = bag_r", 0.003, 2e-5),
            Level("one_off", "one_off(fold_l, fold_r)", 0.01, 0.01, kin=True),
            Level("given", "given_l = given_r", 0.002, 2e-3, kin=True),
            Level("surname", "surname_l = surname_r", 0.004, 0.1, kin=True),
            Level("else", "ELSE", 0.003, 0.955),
        ),
    ),
    _PHONE,
    Comparison(
        "birth",
        _missing("birth_key"),
        (
            Level("equal", _any("births"), 0.97, 5e-5),
            Level("near", "list_has_any(swapped_l, births_r) OR near_any(births_l, births_r)", 0.012, 3e-4),
            Level("year", _any("years"), 0.005, 0.014),
            Level("else", "ELSE", 0.013, 0.985),
        ),
    ),
    Comparison(
        "sex",
        _missing("sex_key"),
        (Level("equal", _any("sexes"), 0.99, 0.5), Level("else", "ELSE", 0.01, 0.5)),
    ),
    Comparison(
        "place",
        _missing("building_key"),
        (
            Level("building", f"{_any('buildings')} AND {_any('phones')}", 0.7, 0.5, given="phone"),
            Level("house", _any("houses"), 0.6, 1e-5, shared="houses"),
            Level("building", _any("buildings"), 0.1, 2e-3, shared="buildings"),
            Level("community", _any("communities"), 0.06, 0.015),
            Level("else", "ELSE", 0.24, 0.983),
        ),
    ),
)

FIRM = (
    Comparison(
        "name",
        _missing("fold"),
        (
            Level("exact", "name_l = name_r", 0.9, 1e-5, 1.0, shared="names"),
            Level("variant", "fold_l = fold_r", 0.02, 1e-7, 1.0),
            Level("parts", "brand_l = brand_r AND trade_l = trade_r AND branch_l = branch_r", 0.03, 1e-4, kin=True),
            Level("pinyin", "pinyin_l = pinyin_r", 0.01, 1e-6),
            Level("reordered", "bag_l = bag_r", 0.004, 1e-6),
            Level("one_off", "branch_l = branch_r AND one_off(fold_l, fold_r)", 0.015, 5e-3, kin=True),
            Level("brand", "brand_l = brand_r AND branch_l = branch_r", 0.01, 0.02, kin=True),
            Level("branch", "brand_l = brand_r", 0.001, 0.1, kin=True),
            Level("else", "ELSE", 0.01, 0.9995),
        ),
    ),
    _PHONE,
    Comparison(
        "rep",
        _missing("rep_key"),
        (
            Level("equal", f"{_any('reps')} AND {_any('phones')}", 0.9, 0.5, given="phone"),
            Level("equal", _any("reps"), 0.8, 3e-4, shared="reps"),
            Level("pinyin", _any("rep_pinyins"), 0.02, 3e-4),
            Level("else", "ELSE", 0.18, 0.9994),
        ),
    ),
    Comparison(
        "place",
        f"({_missing('building_key')}) AND ({_missing('address_key')})",
        (
            Level("building", f"{_any('places')} AND {_any('phones')}", 0.8, 0.6, given="phone"),
            Level("house", f"{_any('houses')} OR {_any('addresses')}", 0.7, 1e-3, shared="houses"),
            Level("building", _any("buildings"), 0.08, 5e-3, shared="buildings"),
            Level("community", _any("communities"), 0.05, 0.03),
            Level("else", "ELSE", 0.17, 0.964),
        ),
    ),
)
