"""The first folders of the lake bucket. A dataset's Parquet lies below its own name, so none may be named like these.

The rules of the template, what expires and who may write where, go by them.
"""

from __future__ import annotations

BATCHES = "batches"
CONTRACTS = "contracts"
EXPORTS = "exports"
GLUE = "glue"
INCOMING = "incoming"
QUARANTINE = "quarantine"
REPLAYS = "replays"
QUERIES = "athena"
TABLES = "tables"
LAKE_FOLDERS = {
    BATCHES: "the work of each batch",
    CONTRACTS: "the deployed contracts",
    EXPORTS: "what exports unload, which expires",
    GLUE: "what the Glue job is made of",
    INCOMING: "files on their way from a server, which expire",
    QUARANTINE: "bad rows",
    REPLAYS: "the lists of replayed and discarded rows",
    QUERIES: "what Athena's queries found, which expires",
    TABLES: "which files count, for the tables in Glue's catalogue",
}
"""What each of them holds."""
