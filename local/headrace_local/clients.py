"""Clients as the laptop needs them: no AWS_* variable, profile, configuration file or proxy of the person's has a say.

They are botocore's, as those of the functions: boto3 makes the same, only slower to import.
"""

from __future__ import annotations

import os
from typing import Any

from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.session import Session

FILES = ("config_file", "credentials_file")


def isolated(region: str, access_key_id: str, secret_access_key: str) -> Session:
    """A session that knows only what it is given."""
    settings: dict[str, Any] = {
        name: (None, None, os.devnull if name in FILES else default, converted)
        for name, (_, _, default, converted) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    session = Session(session_vars=settings)
    session.set_config_variable("region", region)
    session.set_credentials(access_key_id, secret_access_key)
    return session


def direct(**settings: Any) -> Config:
    """A client's configuration that asks 127.0.0.1 itself, and no proxy, for what is at 127.0.0.1."""
    return Config(proxies={}, **settings)
