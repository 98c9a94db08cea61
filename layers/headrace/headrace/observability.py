"""The one logger and the one metrics emitter. Functions bind dataset, batch and file to each line."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics

logger = Logger(service="headrace", use_rfc3339=True)
metrics = Metrics(namespace="Headrace", service="headrace")
