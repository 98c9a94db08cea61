"""What the operation column of a change log may say, in the letters of those who write change logs.

AWS DMS writes I, U and D (https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Target.S3.html), Debezium c, u, d,
and r for rows of a snapshot (https://debezium.io/documentation/reference/stable/connectors/postgresql.html).
"""

from __future__ import annotations

UPSERTS = ("I", "U", "i", "u", "c", "r", "INSERT", "UPDATE", "insert", "update")
"""The row is the state of its key from now on."""
DELETES = ("D", "d", "DELETE", "delete")
"""Its key is gone from now on."""
OPERATIONS = UPSERTS + DELETES
