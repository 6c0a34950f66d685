"""The check of a query that a person wrote: one SELECT, nothing that writes, reads files or reaches other machines."""

from __future__ import annotations

import logging
from typing import Any

from diagnostics.errors import TenbinError

__all__ = ["checked_select"]

_DIALECTS = {"duckdb": "duckdb", "sqlite": "sqlite", "postgresql": "postgres"}
_HARMLESS = frozenset(
    {
        "abs",
        "age",
        "any_value",
        "arg_max",
        "arg_min",
        "array_to_string",
        "bar",
        "btrim",
        "char",
        "damerau_levenshtein",
        "date_bin",
        "date_part",
        "epoch",
        "epoch_ms",
        "epoch_us",
        "format",
        "hash",
        "ifnull",
        "iif",
        "initcap",
        "jaccard",
        "json_array_elements",
        "json_array_elements_text",
        "json_build_object",
        "json_extract_string",
        "json_object_keys",
        "jsonb_array_elements",
        "jsonb_array_elements_text",
        "jsonb_build_object",
        "julianday",
        "likely",
        "list_aggregate",
        "list_contains",
        "list_distinct",
        "list_extract",
        "list_sort",
        "list_value",
        "make_date",
        "make_time",
        "make_timestamp",
        "md5",
        "mode",
        "nfc_normalize",
        "nullif",
        "percentile_cont",
        "percentile_disc",
        "printf",
        "quote",
        "random",
        "regexp_count",
        "regexp_extract",
        "regexp_extract_all",
        "regexp_full_match",
        "regexp_match",
        "regexp_matches",
        "row_to_json",
        "sign",
        "split_part",
        "string_to_array",
        "strip_accents",
        "strptime",
        "struct_extract",
        "struct_pack",
        "to_date",
        "to_json",
        "to_jsonb",
        "to_number",
        "total",
        "translate",
        "try_strptime",
        "typeof",
        "unicode",
        "unixepoch",
        "unlikely",
        "width_bucket",
    }
)
"""Functions that the parser does not know by itself and that only compute."""


def checked_select(query: str, kind: str, shown: str) -> str:
    """The query as it will run: parsed and written again, so that nothing runs that was not looked at.

    Parameters
    ----------
    query : what the person wrote; kind : ``duckdb``, ``sqlite`` or ``postgresql``; shown : the source, for the error

    Raises
    ------
    TenbinError
        ``E_QUERY_REFUSED`` with what is not allowed; ``E_QUERY_FAILED`` when it is no SQL.
    """
    import sqlglot
    from sqlglot import exp

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings quote the query
    try:
        parsed = [statement for statement in sqlglot.parse(query, dialect=_DIALECTS[kind]) if statement is not None]
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        found = str(error).split("\n")[0].split(". ")[0][:200]
        raise TenbinError("E_QUERY_FAILED", file=shown, found=found) from None

    def refuse(found: str) -> TenbinError:
        return TenbinError("E_QUERY_REFUSED", file=shown, found=found)

    if len(parsed) != 1:
        raise refuse(";")
    statement = parsed[0]
    if not isinstance(statement, exp.Query):
        raise refuse(statement.key.upper())
    acting = (exp.DDL, exp.DML, exp.Command, exp.Into, exp.Lock, exp.ReadCSV, exp.ReadParquet, exp.NextValueFor)
    for node in statement.walk():
        if isinstance(node, exp.Select | exp.SetOperation | exp.Subquery):
            continue
        if isinstance(node, acting):
            raise refuse(_called(node) if isinstance(node, exp.Func) else node.key.upper())
        if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) and node.name.lower() not in _HARMLESS:
            raise refuse(f"{node.name}()")
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Func) and not isinstance(node.this, _series(exp)):
            raise refuse(_called(node.this))
        if isinstance(node, exp.Parameter | exp.Placeholder):
            raise refuse(node.sql())
    return statement.sql(dialect=_DIALECTS[kind], comments=False)


def _called(function: Any) -> str:
    """A function by the name that the person wrote, as far as the parser keeps it."""
    return f"{function.name if function.key == 'anonymous' else function.sql_name().lower()}()"


def _series(exp: object) -> tuple[type, ...]:
    return tuple(getattr(exp, name) for name in ("GenerateSeries", "ExplodingGenerateSeries", "Unnest", "Explode"))
