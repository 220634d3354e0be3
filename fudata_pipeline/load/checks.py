"""Compile an item's declaration to SQL: typed columns, and one bit per rule that a row may break.

All rules of an item are evaluated in one pass. The outcome of rule *n* is bit ``n`` of an integer mask (sixty rules to
a mask), which costs a vectorised CASE per rule instead of a list per row.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from duckdb import DuckDBPyConnection

from fudata_pipeline.catalog.compiled import Catalog
from fudata_pipeline.catalog.model import CodeSet, FieldDef, Item, Rule, TypeDef
from fudata_pipeline.engine.sql import identifier, literal
from fudata_pipeline.load.headers import HeaderMap
from fudata_pipeline.load.together import Wanted, together

BITS = 60
"""Rules to a mask: a BIGINT holds 63 without the sign."""


@dataclass(frozen=True)
class Check:
    """One rule bound to one place of an item. ``violation`` is SQL over raw ``r_*`` and typed columns."""

    number: int
    column: str
    rule: Rule
    violation: str

    @property
    def broken(self) -> str:
        """SQL: has this row broken the check?"""
        return f"(_mask{self.number // BITS} & {1 << self.number % BITS}) <> 0"


def raw_column(name: str) -> str:
    """Name of the column that holds the cleaned text of ``name``."""
    return identifier(f"r_{name}")


def _range(field: FieldDef, value: str) -> str:
    kind = "DATE" if field.type == "date" else "TIMESTAMP" if field.type == "datetime" else "DECIMAL(38,4)"
    bounds = [(field.min, ">="), (field.max, "<=")]
    return " AND ".join(f"{value} {op} CAST({literal(bound)} AS {kind})" for bound, op in bounds if bound is not None)


def compile_checks(catalog: Catalog, item: Item, headers: HeaderMap) -> tuple[Check, ...]:
    """Every check of the item for a delivery with these headers, in declaration order."""
    found: list[tuple[str, Rule, str]] = [("", catalog.rules["malformed_line"], "_malformed IS NOT NULL")]
    for column in item.fields:
        if column.name not in headers.columns:
            continue
        field = column.field
        raw, value = raw_column(column.name), identifier(column.name)
        rules = [*catalog.types[field.type].rules]
        rules += ["required"] if column.required else []
        rules += ["code"] if field.codes else []
        rules += ["range"] if field.min is not None or field.max is not None else []
        for name in rules:
            rule = catalog.rules[name]
            sql = rule.violation.format(raw=raw, value=value, arg=_range(field, value))
            found.append((column.name, rule, sql))
    for use in item.rules:
        if all(c in headers.columns for c in use.columns):
            rule = catalog.rule_of(item, use)
            # What other rows decide is found when all rows are there, see `sets`.
            sql = "false" if rule.level == "set" else rule.violation.format(*(identifier(c) for c in use.columns))
            found.append(("+".join(use.columns), rule, sql))
    return tuple(Check(n, column, rule, sql) for n, (column, rule, sql) in enumerate(found))


def code_table(codes: str) -> str:
    """Name of the table that maps spellings of a code set to codes, and of the type of all its spellings."""
    return identifier(f"codes_{codes}")


def create_code_table(con: DuckDBPyConnection, catalog: Catalog, codes: str, *, small: bool = True) -> None:
    """Make a code set known to ``con``: as Arrow, because a list of thousands is slow to parse as SQL; unless ``small``
    also as a type, because joining a table loses the order of rows."""
    con.register(f"codes_{codes}", _arrow(catalog.codes[codes]))
    if not small:
        con.execute(f"CREATE OR REPLACE TEMP TYPE {code_table(codes)} AS ENUM (SELECT alias FROM {code_table(codes)})")


def _code_of(codes: CodeSet, raw: str) -> str:
    """SQL of the code of a spelling, without a join. Most spellings need no upper case."""
    known = code_table(codes.name)
    spelling = f"coalesce(TRY_CAST({raw} AS {known}), TRY_CAST(upper({raw}) AS {known}))"
    return f"([{', '.join(map(literal, codes.aliases.values()))}])[CAST(enum_code({spelling}) AS INTEGER) + 1]"


_arrows: dict[str, tuple[CodeSet, pa.Table]] = {}


def _arrow(codes: CodeSet) -> pa.Table:
    """The aliases of a code set as a table, made once for as long as the set stays the same object."""
    known = _arrows.get(codes.name)
    if known is None or known[0] is not codes:
        aliases = codes.aliases
        rows = pa.table({"alias": pa.array(aliases, pa.string()), "code": pa.array(aliases.values(), pa.string())})
        _arrows[codes.name] = known = codes, rows
    return known[1]


def checked_sql(
    catalog: Catalog,
    item: Item,
    headers: HeaderMap,
    checks: tuple[Check, ...],
    staging: str,
    *,
    small: bool = False,
    carried: tuple[str, ...] = (),
) -> str:
    """SELECT over a staged delivery: ``_line``, typed columns (NULL where not delivered) and rule masks.

    ``small``: plan for few rows (see :mod:`.together`) instead of for many; the result is the same, but only for many
    rows is their order kept. ``carried``: columns of ``staging`` that are to come along.
    """
    types = {f.name: catalog.types[f.field.type] for f in item.fields}
    plain = {} if small else {n: p for n in headers.columns if (p := types[n].plain) and not item.column(n).field.codes}
    if small:
        texts = [Wanted(name, "clean_text({raw})", identifier(header)) for name, header in headers.columns.items()]
        delivered, text = together(texts, staging, "_text", small=True)
    else:
        delivered, text = _cleaned_where_needed(headers, plain, staging)
    along = "".join(f", {name}" for name in carried)
    kept = "".join(f", {_plain(name)}" for name in plain) + along
    cleaned = [f"{text.get(f.name, 'CAST(NULL AS VARCHAR)')} AS {raw_column(f.name)}" for f in item.fields]

    parses = [Wanted(f.name, types[f.name].parse, raw_column(f.name)) for f in item.fields if not f.field.codes]
    parsed_from, parsed = together(parses, "cleaned", "_parsed", small=small)
    joins, typed = [], []
    for f in item.fields:
        raw, kind = raw_column(f.name), types[f.name].duckdb
        if f.field.codes and not small:
            parsed[f.name] = _code_of(catalog.codes[f.field.codes], raw)
        elif f.field.codes:
            alias = identifier(f"k_{f.name}")
            joins.append(f"LEFT JOIN {code_table(f.field.codes)} AS {alias} ON {alias}.alias = upper({raw})")
            parsed[f.name] = f"{alias}.code"
        value = f"CAST({parsed[f.name]} AS {kind})"
        if f.name in plain:
            value = f"CASE WHEN {_plain(f.name)} THEN TRY_CAST({raw} AS {kind}) WHEN {raw} IS NOT NULL THEN {value} END"
        typed.append(f"{value} AS {identifier(f.name)}")

    judged_from, broken = together((_wanted(c, types) for c in checks), "typed", "_judged", small=small)
    for check in checks:
        if check.column in plain and check.rule.rule_id in types[check.column].rules:
            broken[check.number] = f"CASE WHEN NOT {_plain(check.column)} THEN {broken[check.number]} END"
    # Each violation is a column of its own: inside CASE or AND, DuckDB would compute what they share once for each.
    flags = [f"({broken[c.number]}) AS _broken{c.number}" for c in checks]
    masks = []
    for start in range(0, len(checks), BITS):
        some = checks[start : start + BITS]
        bits = " + ".join(f"{1 << c.number % BITS} * CAST(coalesce(_broken{c.number}, false) AS BIGINT)" for c in some)
        unreadable = 1 if start == 0 else 0  # a malformed row breaks rule 0, and no other can be judged
        any_of = " OR ".join(f"_broken{c.number}" for c in some)  # most rows break none, and are done with this
        masks.append(
            f"CASE WHEN _malformed IS NOT NULL THEN {unreadable} WHEN {any_of} THEN {bits} ELSE 0 END "
            f"AS _mask{start // BITS}"
        )
    columns = ", ".join(identifier(c) for c in item.columns)
    return f"""
        WITH cleaned AS (SELECT _line, _malformed, {", ".join(cleaned)}{kept} FROM {delivered}),
        typed AS (SELECT parsed.*, {", ".join(typed)} FROM {parsed_from} AS parsed {" ".join(joins)}),
        flagged AS (SELECT _line, _malformed, {columns}, {", ".join(flags)}{along} FROM {judged_from})
        SELECT _line, {columns}, {", ".join(masks)}{along} FROM flagged"""


def _plain(name: str) -> str:
    """Name of the column that tells whether the cell of ``name`` is spelled as usual."""
    return identifier(f"_plain_{name}")


def _cleaned_where_needed(headers: HeaderMap, plain: dict[str, str], staging: str) -> tuple[str, dict[str, str]]:
    """A table in place of ``staging``, and the cleaned text of each column over it.

    Cleaning every cell would take most of a load's time, and hardly any needs it. So cells of the usual spelling of
    their type (``plain``) are taken as they are, and the others of a row are looked at together.
    """
    cells = {name: identifier(header) for name, header in headers.columns.items()}
    flags = [f"coalesce({sql.replace('{raw}', cells[name])}, false) AS {_plain(name)}" for name, sql in plain.items()]
    if others := [cell for name, cell in cells.items() if name not in plain]:
        flags.append(f"needs_cleaning(concat_ws(chr(31), {', '.join(others)})) AS _unclean")
    text = {
        name: f"CASE WHEN {_plain(name)} THEN {cell} WHEN {cell} IS NOT NULL THEN clean_text({cell}) END"
        if name in plain
        else f"CASE WHEN _unclean THEN clean_text({cell}) ELSE {cell} END"
        for name, cell in cells.items()
    }
    return f"(SELECT *, {', '.join(flags)} FROM {staging})", text


def _wanted(check: Check, types: dict[str, TypeDef]) -> Wanted[int]:
    """A check as an expression that columns may share; what has bounds or binds several columns stands alone."""
    if check.rule.level != "field" or "{arg}" in check.rule.violation or check.column not in types:
        return Wanted(check.number, check.violation.replace("{", "{{").replace("}", "}}"), "")
    raw, value = raw_column(check.column), identifier(check.column)
    return Wanted(check.number, check.rule.violation, raw, value, types[check.column].duckdb)


SETS_ASIDE = ("quarantine", "block")
"""Severities of rules whose rows are not accepted; of ``block``, the others are not either."""


def any_broken(checks: tuple[Check, ...], severities: tuple[str, ...] = SETS_ASIDE) -> str:
    """SQL: has the row broken any check of these severities?"""
    tests = []
    for mask in range((len(checks) - 1) // BITS + 1):
        bits = sum(1 << c.number % BITS for c in checks if c.rule.severity in severities and c.number // BITS == mask)
        if bits:
            tests.append(f"(_mask{mask} & {bits}) <> 0")
    return f"({' OR '.join(tests)})" if tests else "false"


def reasons_sql(catalog: Catalog, checks: tuple[Check, ...]) -> tuple[str, str]:
    """SQL lists of the quarantining rules a row broke, as ``column:rule`` and as Chinese reasons.

    The lists of all names are constants, from which the bits of the masks choose: a CASE for each rule would be slower
    to plan and to run.
    """
    fates = ("unique_key", "superseded")
    names = [f"{c.column}:{c.rule.rule_id}" for c in checks]
    reasons = [(f"{c.column}：" if c.column else "") + c.rule.wording_zh for c in checks]
    fate_names = {fate: f":{fate}" for fate in fates}
    fate_reasons = {fate: catalog.rules[fate].wording_zh for fate in fates}
    return _chosen(checks, names, fate_names), _chosen(checks, reasons, fate_reasons)


def _chosen(checks: tuple[Check, ...], said: list[str], fates: dict[str, str]) -> str:
    parts = []
    for start in range(0, len(checks), BITS):
        some = range(start, min(start + BITS, len(checks)))
        texts = ", ".join(literal(said[n]) if checks[n].rule.severity in SETS_ASIDE else "NULL" for n in some)
        chosen = f"(_mask{start // BITS} >> (i - 1)) & 1 = 1"
        parts.append(f"list_filter([{texts}]::VARCHAR[], lambda x, i: x IS NOT NULL AND {chosen})")
    cases = " ".join(f"WHEN {literal(fate)} THEN [{literal(text)}]" for fate, text in fates.items())
    return f"list_concat({', '.join(parts)}, CASE fate {cases} ELSE [] END)"
