"""boto3 as the laptop needs it: no AWS_* variable, profile, configuration file or proxy of the person's has a say."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.session import Session

FILES = ("config_file", "credentials_file")


def isolated(region: str, access_key_id: str, secret_access_key: str) -> boto3.Session:
    """A session that knows only what it is given."""
    settings: dict[str, Any] = {
        name: (None, None, os.devnull if name in FILES else default, converted)
        for name, (_, _, default, converted) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    return boto3.Session(
        botocore_session=Session(session_vars=settings),
        region_name=region,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
    )


def direct(**settings: Any) -> Config:
    """A client's configuration that asks 127.0.0.1 itself, and no proxy, for what is at 127.0.0.1."""
    return Config(proxies={}, **settings)
