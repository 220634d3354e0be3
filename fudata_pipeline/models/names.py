"""Chinese names made comparable: folded, spelled in pinyin, sorted; names of firms taken apart.

A table of the characters that occur says what each becomes; names are put together from it by joins in the engine.
"""

from __future__ import annotations

import unicodedata
from importlib.resources import files

from duckdb import DuckDBPyConnection

from fudata_pipeline.engine.sql import identifier, literal

_DROPPED = frozenset("·•・‧∙⋅●˙．.。‐‑‒–—―-_'’‘`*")
"""Middle dots of transcribed names in their many forms, and what is typed for them."""

_KEPT = frozenset("乾")
"""Names read it qián (乾坤), and only in other words it is a form of 干."""


def install(con: DuckDBPyConnection) -> None:
    """Create the name macros (surname, one_off, firm_*) for this connection."""
    con.execute(files(__package__).joinpath("names.sql").read_text("utf-8"))


def _folded(char: str, simplify: object) -> str:
    """What is left of one character: compatibility forms resolved, simplified, upper case; '' for blanks and dots."""
    plain = unicodedata.normalize("NFKC", char)
    kept = "".join(c for c in plain if c not in _DROPPED and unicodedata.category(c)[0] not in "ZC")
    if kept in _KEPT:
        return kept
    return simplify.convert(kept).upper() if kept else ""  # type: ignore[attr-defined]


def _characters(con: DuckDBPyConnection, names: str) -> dict[str, str]:
    """What each character in ``names``, a relation with a ``name``, is folded to: '' for blanks, several for ㈱ → (株)."""
    import opencc

    found = con.execute(f"SELECT DISTINCT unnest(string_split(name, '')) AS ch FROM {names} ORDER BY ch").fetchall()
    simplify = opencc.OpenCC("t2s")
    return {ch: _folded(ch, simplify) for (ch,) in found if ch}


def _fold_sql(folds: dict[str, str]) -> str:
    """SQL that folds ``name``; only characters that become others are named in it, and most do not."""
    sql = "name"
    for ch, fold in folds.items():
        if len(fold) > 1:
            sql = f"replace({sql}, {literal(ch)}, {literal(fold)})"
    changed = {ch: fold for ch, fold in folds.items() if fold != ch and len(fold) < 2}
    kept = [ch for ch, fold in changed.items() if fold]
    dropped = [ch for ch, fold in changed.items() if not fold]  # what has no counterpart is left out
    return f"translate({sql}, {literal(''.join(kept + dropped))}, {literal(''.join(changed[ch] for ch in kept))})"


def fold_texts(con: DuckDBPyConnection, texts: str, into: str) -> None:
    """Create the temporary table ``into (name, fold)``: as :func:`fold_names`, for texts whose sound says nothing."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {identifier(into)} AS
        SELECT name, nullif({_fold_sql(_characters(con, texts))}, '') AS fold FROM (SELECT DISTINCT name FROM {texts} WHERE name <> '')""")


def fold_names(con: DuckDBPyConnection, names: str, into: str) -> None:
    """Create the temporary table ``into (name, fold, pinyin, bag)``: a row for every distinct name.

    ``names`` is a table or a query in brackets with a column ``name``. ``fold``: NFKC, without blanks and middle dots,
    upper case, simplified. ``pinyin``: toneless, a blank between syllables. ``bag``: the characters of ``fold``, sorted.
    All are NULL where nothing is left of the name.
    """
    import pyarrow as pa
    from pypinyin import lazy_pinyin

    folds = _characters(con, names)
    chars = sorted({c for fold in folds.values() for c in fold})
    spelled = pa.table(
        {
            "ch": pa.array(chars, pa.string()),
            "pinyin": pa.array([lazy_pinyin(c)[0].upper() for c in chars], pa.string()),
        }
    )
    con.register("_spelled", spelled)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {identifier(into)} AS
        WITH folded AS (SELECT DISTINCT name, nullif({_fold_sql(folds)}, '') AS fold FROM {names} WHERE name <> ''),
        placed AS (
            SELECT fold, unnest(string_split(fold, '')) AS ch, generate_subscripts(string_split(fold, ''), 1) AS nth
            FROM (SELECT DISTINCT fold FROM folded)),
        spoken AS (SELECT fold, string_agg(pinyin, ' ' ORDER BY nth) AS pinyin FROM placed JOIN _spelled USING (ch) GROUP BY fold)
        SELECT name, fold, pinyin, array_to_string(list_sort(string_split(fold, '')), '') AS bag FROM folded LEFT JOIN spoken USING (fold)""")
    con.unregister("_spelled")


def parse_firms(con: DuckDBPyConnection, names: str, into: str) -> None:
    """Create the temporary table ``into``: the distinct firm names, folded and taken apart.

    Columns are those of :func:`fold_names` and ``region`` (深圳市福田区, also out of brackets), ``brand`` (字号), ``trade``
    (科技), ``form`` (有限公司), ``branch`` (福田分公司), each '' where the name has none; a name of a trade alone has it as
    its brand.
    """
    install(con)
    fold_names(con, names, "_folded_firms")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {identifier(into)} AS
        WITH bracketed AS (
            SELECT *, regexp_extract(fold, '\\((' || firm_place() || ')\\)', 1) AS inside FROM _folded_firms),
        bare AS (
            SELECT *, CASE WHEN inside = '' THEN coalesce(fold, '') ELSE replace(fold, '(' || inside || ')', '') END AS t
            FROM bracketed),
        headed AS (SELECT *, regexp_extract(t, '^' || firm_place()) AS head FROM bare),
        -- A name of nothing but a place and a form (深圳市商店) keeps the place as its brand.
        tailed AS (
            SELECT *, substr(t, length(head) + 1) AS rest,
                regexp_extract(t, '^.*' || firm_form() || '(' || firm_branch() || ')$', 1) AS branch
            FROM headed),
        formed AS (
            SELECT *, left(rest, greatest(length(rest) - length(branch), 0)) AS body,
                regexp_extract(left(rest, greatest(length(rest) - length(branch), 0)), firm_form() || '$') AS form
            FROM tailed),
        traded AS (
            SELECT *, left(body, length(body) - length(form)) AS core,
                regexp_extract(left(body, length(body) - length(form)), firm_trade() || '$') AS words
            FROM formed)
        SELECT name, fold, pinyin, bag, coalesce(nullif(head, ''), inside) AS region,
            CASE WHEN core = '' THEN head WHEN words = core THEN core
                ELSE left(core, length(core) - length(words)) END AS brand,
            CASE WHEN words = core THEN '' ELSE words END AS trade, form, branch
        FROM traded""")
