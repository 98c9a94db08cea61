"""What is examined: an account and a region, the stack if there is one, the parameters that it has or will get."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from headrace_cli.output.failures import CommandError
from headrace_cli.stack.application import is_application, packaged
from headrace_cli.stack.home import TEMPLATE
from headrace_cli.stack.target import Target

ABSENT = "absent"


@dataclass
class Examination:
    """`given` are parameters of the coming deployment, by name; `wake` says whether the warehouse may be asked."""

    target: Target
    root: Path
    given: dict[str, str] = field(default_factory=dict)
    wake: bool = True

    def client(self, service: str) -> Any:
        """The botocore client of a service."""
        return self.target.client(service)

    @property
    def region(self) -> str:
        """Where it looks."""
        return str(self.client("sts").meta.region_name)

    @property
    def is_checkout(self) -> bool:
        """Whether the contracts lie beside the application; otherwise the application is this installation's."""
        return is_application(self.root)

    @cached_property
    def application(self) -> Path:
        """The folder with the template."""
        return self.root if self.is_checkout else packaged()

    @property
    def on_laptop(self) -> bool:
        """Whether this is a laptop, where prices, quotas and networks mean nothing."""
        return self.target.endpoint_url is not None

    @cached_property
    def stack(self) -> dict[str, Any]:
        """CloudFormation's description of the stack; empty without one."""
        try:
            found = self.client("cloudformation").describe_stacks(StackName=self.target.stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise
        return dict(found[0])

    @property
    def status(self) -> str:
        """CloudFormation's status of the stack, or `absent`."""
        return str(self.stack.get("StackStatus", ABSENT))

    @property
    def stands(self) -> bool:
        """Whether the stack is there to be looked at, whatever its last update did."""
        gone = (ABSENT, "ROLLBACK_", "DELETE_", "REVIEW_", "CREATE_IN_PROGRESS", "CREATE_FAILED")
        return not self.status.startswith(gone)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters by name: the template's defaults, those of samconfig.toml or of the stack, those given."""
        deployed = {item["ParameterKey"]: item["ParameterValue"] for item in self.stack.get("Parameters", [])}
        known = _defaults(self.application / TEMPLATE) | (deployed or _configured(self.application / "samconfig.toml"))
        return known | self.given

    def refuse_wrong_parameters(self) -> None:
        """Raises CommandError for a given parameter that the template does not have, or not with this value."""
        declared = _declared(self.application / TEMPLATE)
        for name, value in sorted(self.given.items()):
            if name not in declared:
                raise CommandError(f"the template has no parameter {name}; it has {', '.join(declared)}")
            if wrong := _why_wrong(value, declared[name]):
                raise CommandError(f"the parameter {name} cannot be {value!r}: {wrong}")

    @property
    def makes_warehouse(self) -> bool:
        """Whether the stack has its own workgroup."""
        return self.parameters["CreateWarehouse"] == "true"

    @property
    def cluster(self) -> str:
        """The provisioned cluster that the stack loads into, if it is not a workgroup."""
        return self.parameters["ClusterIdentifier"]

    @property
    def workgroup(self) -> str:
        """The workgroup's name, the stack's own where the parameter is empty."""
        return self.parameters["Workgroup"] or self.target.stack


class _Template(yaml.SafeLoader):
    """Reads a template without knowing CloudFormation's tags."""


_Template.add_multi_constructor("!", lambda *_: None)


def _declared(template: Path) -> dict[str, dict[str, Any]]:
    if not template.is_file():
        raise CommandError(f"there is no {template}: run this in the checkout")
    found: dict[str, dict[str, Any]] = yaml.load(template.read_text("utf-8"), _Template)["Parameters"]  # noqa: S506 - a SafeLoader
    return found


def _defaults(template: Path) -> dict[str, str]:
    return {name: str(value.get("Default", "")) for name, value in _declared(template).items()}


def _why_wrong(value: str, declared: dict[str, Any]) -> str:
    """Why CloudFormation would refuse a parameter's value, empty when it would not."""
    if declared.get("Type") == "Number":
        try:
            number = float(value)
        except ValueError:
            return "it is a number"
        least, most = declared.get("MinValue", number), declared.get("MaxValue", number)
        if not least <= number <= most:
            return f"it is from {least} to {most}"
    allowed = [str(each) for each in declared.get("AllowedValues", [value])]
    if value not in allowed:
        return f"it is one of {', '.join(allowed)}"
    pattern = declared.get("AllowedPattern", "")
    return f"it has the form {pattern}" if pattern and re.fullmatch(pattern, value) is None else ""


def _configured(path: Path) -> dict[str, str]:
    """What `sam deploy` passes without being asked."""
    if not path.is_file():
        return {}
    deploy = tomllib.loads(path.read_text("utf-8")).get("default", {}).get("deploy", {}).get("parameters", {})
    given = deploy.get("parameter_overrides", [])
    return parsed(given.split() if isinstance(given, str) else given)


def parsed(pairs: Iterable[str]) -> dict[str, str]:
    """`["Name=value"]` by name, without quotes around a value. Raises CommandError for what is no such pair."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (equals and name.isalnum()):
            raise CommandError(f"{pair!r} is not a parameter: write Name=value")
        found[name] = value.strip("'\"")
    return found
