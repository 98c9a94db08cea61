"""Names that go into SQL without quotes."""

from __future__ import annotations

import re

from headrace.domain.files.names import plain_name
from headrace.domain.lake_folders import LAKE_FOLDERS

PLAIN = re.compile("[a-z][a-z0-9_]*")
LONGEST = 127
LONGEST_DATASET = 60
"""Batch and execution names are made from the dataset's, and Step Functions allows 80 characters."""
RESERVED_WORDS = """
    aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary
    blanksasnull both bytedict bzip2 case cast check collate column connect constraint create credentials cross
    current_date current_time current_timestamp current_user current_user_id default deferrable deflate defrag delta
    delta32k desc disable distinct do else emptyasnull enable encode encrypt encryption end except explicit false for
    foreign freeze from full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially
    inner intersect interval into is isnull join leading left like limit localtime localtimestamp lun luns lzo lzop
    merge minus mostly16 mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open
    or order outer overlaps parallel partition percent permissions pivot placing primary qualify raw readratio recover
    references rejectlog resort respect restore right select session_user similar snapshot some start sysdate system
    table tag tdes text255 text32k then timestamp to top trailing true truncatecolumns type union unique unnest unpivot
    user using verbose wallet when where with without
"""
RESERVED = frozenset(RESERVED_WORDS.split())
SYSTEM_COLUMNS = {"cmax", "cmin", "ctid", "deletexid", "insertxid", "oid", "tableoid", "xmax", "xmin"}
"""Every table of Redshift has these already, hidden, as every table of PostgreSQL has
(https://www.postgresql.org/docs/current/ddl-system-columns.html)."""
OWN_SCHEMAS = {"information_schema": "Redshift's own", "catalog_history": "Redshift's own", "etl": "Headrace's own"}


def name_problem(name: str, what: str, fix: str = "write physicalName:") -> str | None:
    """Why a name cannot stand in Redshift's SQL, and what to do, `fix` and a better name; or None."""
    if not PLAIN.fullmatch(name):
        wanted = "lower case letters, digits and underscores, a letter first"
        return f"the {what} name {name!r} must be {wanted}: {fix} {plain_name(name)}"
    if name in RESERVED:
        return f"the {what} name {name!r} is a reserved word in Redshift: {fix} {name}_ or a better word"
    if len(name) > LONGEST:
        return f"the {what} name {name!r} is longer than {LONGEST} characters"
    return None


def column_name_problem(name: str) -> str | None:
    """Why a name cannot be a column's, or None."""
    if name in SYSTEM_COLUMNS:
        return f"the column name {name!r} is that of a hidden column of every table: write physicalName: {name}_"
    return name_problem(name, "column")


def schema_name_problem(name: str) -> str | None:
    """Why tables cannot be made in the schema of this name, or None."""
    owner = "Redshift's own" if name.startswith("pg_") else OWN_SCHEMAS.get(name)
    return f"the schema {name} is {owner}: choose another" if owner else name_problem(name, "schema")


def dataset_name_problem(name: str) -> str | None:
    """Why a name cannot be a dataset's, or None."""
    if len(name) > LONGEST_DATASET:
        return f"the dataset name is longer than {LONGEST_DATASET} characters"
    if name in LAKE_FOLDERS:
        return f"the dataset name {name!r} is reserved, the lake's folder of that name holds {LAKE_FOLDERS[name]}"
    return name_problem(name, "dataset", "call it")
