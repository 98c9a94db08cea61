"""The template as CloudFormation gets it: SAM translated, conditions decided, references put in.

    .venv/bin/python -m scripts.resolved_template [PARAMETER=VALUE …]     prints it as JSON

A linter that cannot read YAML's anchors, SAM or intrinsic functions reads this; tests ask what a name becomes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import cfnlint.decode.cfn_yaml  # the one reader of its short forms that is here
import samtranslator.parser.parser as sam_parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT, REGION = "123456789012", "us-east-1"
STACK_ID = "d75fbe66-a799-11f1-8b5e-0a1b2c3d4e5f"
# What `Ref` and `GetAtt` give of a resource; $ is its physical name. Everything else is the physical name.
ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:us-east-1:123456789012:table/$",
    "AWS::Events::EventBus": "arn:aws:events:us-east-1:123456789012:event-bus/$",
    "AWS::Events::Rule": "arn:aws:events:us-east-1:123456789012:rule/$",
    "AWS::IAM::Role": "arn:aws:iam::123456789012:role/$",
    "AWS::KMS::Key": "arn:aws:kms:us-east-1:123456789012:key/$",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:123456789012:function:$",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:123456789012:log-group:$:*",
    "AWS::RedshiftServerless::Namespace": "arn:aws:redshift-serverless:us-east-1:123456789012:namespace/$",
    "AWS::RedshiftServerless::Workgroup": "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/$",
    "AWS::S3::Bucket": "arn:aws:s3:::$",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:123456789012:$",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:123456789012:$",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:$-AbCdEf",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:us-east-1:123456789012:stateMachine:$",
}
REF_IS_ARN = {
    "AWS::Lambda::LayerVersion",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
}
NOTHING = object()
_VARIABLE = re.compile(r"\$\{([^!][^}]*)\}")


class _ManagedPolicies:
    """What SAM would ask IAM for."""

    def load(self) -> dict[str, str]:
        names = {
            "AWSLambdaBasicExecutionRole": "service-role/",
            "AWSLambdaSQSQueueExecutionRole": "service-role/",
            "AWSXrayWriteOnlyAccess": "",
            "AWSXRayDaemonWriteAccess": "",
        }
        return {name: f"arn:aws:iam::aws:policy/{path}{name}" for name, path in names.items()}


def plain_template(path: Path = ROOT / "template.yaml") -> dict[str, Any]:
    """The template as written, anchors and short forms resolved."""
    template: dict[str, Any] = _plain(cfnlint.decode.cfn_yaml.load(str(path)))
    return template


@cache
def translated() -> dict[str, Any]:
    """The template after SAM's transformation, as CloudFormation takes it."""
    template = plain_template()
    for resource in template["Resources"].values():
        for where in ("CodeUri", "ContentUri", "DefinitionUri"):
            if where in resource.get("Properties", {}):
                resource["Properties"][where] = "s3://bucket/key"
    session = boto3.session.Session(region_name=REGION)
    translator = Translator(_ManagedPolicies().load(), sam_parser.Parser(), boto_session=session)
    made: dict[str, Any] = _plain(translator.translate(template, parameter_values={}))
    return made


def resolved(stack: str = "headrace", **parameters: str) -> dict[str, Any]:
    """The translated template of one stack, with these parameters: no intrinsic function is left in its resources."""
    return _Resolver(translated(), stack, parameters).template()


class _Resolver:
    """Puts values where the template has functions."""

    def __init__(self, template: dict[str, Any], stack: str, parameters: dict[str, str]) -> None:
        self._template = template
        self._stack = stack
        self._values = {name: given.get("Default") for name, given in template["Parameters"].items()} | parameters
        self._pseudo = {
            "AWS::StackName": stack,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/{STACK_ID}",
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NOTHING,
        }
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_attribute,
            "Fn::Sub": self._substitute,
            "Fn::If": lambda given: self.value(given[1] if self._condition(given[0]) else given[2]),
            "Fn::Equals": lambda given: str(self.value(given[0])) == str(self.value(given[1])),
            "Fn::Not": lambda given: not self.value(given[0]),
            "Fn::And": lambda given: all(map(self.value, given)),
            "Fn::Or": lambda given: any(map(self.value, given)),
            "Fn::Select": lambda given: self.value(given[1])[int(given[0])],
            "Fn::Split": lambda given: str(self.value(given[1])).split(given[0]),
            "Fn::Join": lambda given: str(given[0]).join(map(str, self.value(given[1]))),
            "Condition": lambda given: (
                self._condition(given) if isinstance(given, str) else {"Condition": self.value(given)}
            ),
        }

    def template(self) -> dict[str, Any]:
        """All of it; resources and outputs whose condition does not hold are left out."""
        kept = {name: item for name, item in self._template["Resources"].items() if self._is_made(item)}
        outputs = {name: item for name, item in self._template["Outputs"].items() if self._is_made(item)}
        return {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Resources": {name: self._resource(item) for name, item in kept.items()},
            "Outputs": {name: {"Value": self.value(item["Value"])} for name, item in outputs.items()},
        }

    def _is_made(self, item: dict[str, Any]) -> bool:
        return "Condition" not in item or self._condition(item["Condition"])

    def _resource(self, item: dict[str, Any]) -> dict[str, Any]:
        rest = {key: value for key, value in item.items() if key not in {"Condition", "DependsOn"}}
        answer: dict[str, Any] = self.value(rest)
        return answer

    def _condition(self, name: str) -> bool:
        return bool(self.value(self._template["Conditions"][name]))

    def value(self, node: Any) -> Any:
        """A node of the template with all its functions answered."""
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function in self._functions:
                return self._functions[function](argument)
        values = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not NOTHING}

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        return self._values[name] if name in self._values else self._of_resource(name, "Ref")

    def _get_attribute(self, argument: Any) -> Any:
        name, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
        return self._of_resource(name, attribute)

    def _of_resource(self, name: str, attribute: str) -> str:
        kind = self._template["Resources"][name]["Type"]
        physical = f"{self._stack}-{name}"
        physical = physical.lower() if kind == "AWS::S3::Bucket" else physical
        if attribute.endswith("SecretArn"):
            kind = "AWS::SecretsManager::Secret"
        is_arn = attribute.endswith("Arn") or (attribute == "Ref" and kind in REF_IS_ARN)
        return ARNS.get(kind, f"arn:aws:{kind.lower()}:$").replace("$", physical) if is_arn else physical

    def _substitute(self, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument

        def put_in(found: re.Match[str]) -> str:
            name = found[1]
            if name in given:
                return str(self.value(given[name]))
            return str(self._get_attribute(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(put_in, text)


def _plain(node: Any) -> Any:
    """Plain dicts, lists and texts of what cfn-lint reads."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return str(node) if isinstance(node, str) else node


def main() -> None:
    """Print the resolved template."""
    parameters = dict(argument.split("=", 1) for argument in sys.argv[1:])
    json.dump(resolved(**parameters), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
