"""Which pairs are compared at all: those that share a key, unless too many entities do.

A key that many entities share (an agent's phone, a dormitory's house) would bring pairs by the square and say little: it
does not block. What was left out is counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

LISTS = {
    "phone": "phones",
    "birth": "births",
    "house": "houses",
    "building": "buildings",
    "rep": "reps",
    "address": "addresses",
}
"""Single values, as keys name them, and the list columns that hold them."""


@dataclass(frozen=True)
class Block:
    """A blocking rule: parts of its key as SQL over columns and single values; entities that one key may have."""

    word: str
    parts: tuple[str, ...]
    limit: int


PERSON = (
    Block("name+phone", ("fold", "phone"), 100),
    Block("name+phone_head", ("fold", "left(phone, 7)"), 50),
    Block("name+phone_tail", ("fold", "right(phone, 4)"), 30),
    Block("phone", ("phone",), 20),
    Block("pinyin+birth", ("pinyin", "birth"), 50),
    Block("bag+birth", ("bag", "birth"), 50),
    Block("name+birth_year", ("fold", "year(birth)"), 20),
    Block("name+house", ("fold", "house"), 50),
    Block("surname+house", ("surname(fold)", "house"), 20),
    Block("pinyin+building", ("pinyin", "building"), 20),
    Block("birth+building", ("birth", "building"), 20),
    Block("name", ("fold",), 3),
)

FIRM = (
    Block("name", ("fold",), 50),
    Block("pinyin", ("pinyin",), 20),
    Block("bag", ("bag",), 20),
    Block("brand+trade+branch", ("brand", "trade", "branch"), 50),
    Block("brand+building", ("brand", "building"), 50),
    Block("brand+phone", ("brand", "phone"), 100),
    Block("phone", ("phone",), 20),
    Block("rep+brand", ("rep", "brand"), 100),
    Block("rep+building", ("rep", "building"), 20),
    Block("rep+address", ("rep", "address"), 20),
    Block("brand", ("brand",), 5),
)


def keys_sql(side: str, block: Block) -> str:
    """``unique_id, owner, key`` of every row of a side and every combination of its values that the rule names."""
    text = " ".join(block.parts)
    source = side
    for single, many in LISTS.items():
        if single in text:
            source = f"(SELECT *, unnest({many}) AS {single} FROM {source})"
    filled = " AND ".join(
        f"({part}) <> ''" if "year" not in part and part != "birth" else f"({part}) IS NOT NULL" for part in block.parts
    )
    return f"SELECT DISTINCT unique_id, owner, hash({', '.join(block.parts)}) AS key FROM {source} WHERE {filled}"


def pair_up(
    con: DuckDBPyConnection, blocks: tuple[Block, ...], left: str, right: str, into: str
) -> dict[str, dict[str, int]]:
    """Create the temporary table ``into (l, r)``: ids of the entity and record rows that share a block.

    Returns, a rule: how many pairs it brought, and how many keys and record rows its guard left out.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE _block_pairs (l UBIGINT, r UBIGINT)")
    report = {}
    for block in blocks:
        con.execute(f"CREATE OR REPLACE TEMP TABLE _block_right AS {keys_sql(right, block)}")
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE _block_left AS
            SELECT * FROM ({keys_sql(left, block)}) SEMI JOIN _block_right USING (key)""")
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE _block_large AS
            SELECT key FROM _block_left GROUP BY key HAVING count(DISTINCT owner) > {block.limit}""")
        con.execute("""
            INSERT INTO _block_pairs
            SELECT l.unique_id, r.unique_id FROM (FROM _block_left ANTI JOIN _block_large USING (key)) l
            JOIN _block_right r USING (key)""")
        [(pairs,)] = con.execute("""
            SELECT count(*) FROM (FROM _block_left ANTI JOIN _block_large USING (key)) JOIN _block_right USING (key)
        """).fetchall()
        [(keys, rows)] = con.execute("""
            SELECT (SELECT count(*) FROM _block_large),
                (SELECT count(DISTINCT unique_id) FROM _block_right SEMI JOIN _block_large USING (key))""").fetchall()
        report[block.word] = {"pairs": pairs, "left_out_keys": keys, "left_out_records": rows}
    con.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT DISTINCT l, r FROM _block_pairs")
    con.execute("DROP TABLE _block_pairs; DROP TABLE _block_left; DROP TABLE _block_right; DROP TABLE _block_large")
    return report
