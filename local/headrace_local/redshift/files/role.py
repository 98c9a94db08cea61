"""The role with which COPY and UNLOAD go to S3."""

from __future__ import annotations

import re

from headrace_local.redshift.errors import SqlError
from headrace_local.redshift.syntax.tokens import TokenCursor

ARN = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+"
CHAIN = re.compile(rf"{ARN}(,{ARN})*")


def read_role(cursor: TokenCursor) -> None:
    """Read what follows IAM_ROLE: `default`, or the ARN of a role, or several that assume each other, with commas.

    Raises SqlError for anything else. Source:
    https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-authorization.html.
    """
    if cursor.match("DEFAULT"):
        return
    given = cursor.string()
    if not CHAIN.fullmatch(given):
        raise SqlError(f"IAM_ROLE '{given}' is not the ARN of a role")
