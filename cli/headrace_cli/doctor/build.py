"""What is going to be deployed: contracts that compile, and a build that fits the parameters."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from headrace.built_for import MARKS
from headrace_cli.doctor.examination import Examination
from headrace_cli.doctor.findings import Check, Finding, fault, ok, unknown, warning
from headrace_cli.output.formatting import count

BUILT = Path(".aws-sam") / "build"
BROKEN = {"Failed"}
SAM_OF_PROJECT = Path(".venv-sam") / "bin" / "sam"


def contracts(examination: Examination) -> Iterator[Finding]:
    """Whether `sam build` would take them."""
    from headrace_compiler import ContractErrors, compile_folder

    folder = examination.root / "contracts"
    try:
        found = compile_folder(folder)
    except ContractErrors as errors:
        yield fault(str(errors), "fix the contract, then run `headrace doctor` again")
        return
    yield ok(f"{count(len(found), 'contract')} compile")
    database = examination.parameters["Database"]
    for contract in found:
        named = contract.extra.get("database", database)
        if named != database:
            text = f"the contract {contract.dataset} names the database {named}, the stack's is {database}"
            yield fault(text, f"deploy with Database={named}, or write `database: {database}`")


def sam(examination: Examination) -> Iterator[Finding]:
    """The SAM CLI that the project was tried with."""
    if not examination.is_checkout:
        yield ok("`headrace deploy` installs the SAM CLI that this version was tried with, if it is not there yet")
        return
    own = examination.root / SAM_OF_PROJECT
    command = str(own) if own.is_file() else shutil.which("sam")
    if command is None:
        yield fault("there is no SAM CLI", "make setup")
        return
    said = subprocess.run([command, "--version"], check=False, capture_output=True, text=True)  # noqa: S603
    if own.is_file():
        yield ok(f"{said.stdout.strip()} is in {SAM_OF_PROJECT.parents[1]}")
    else:
        yield warning(
            f"{said.stdout.strip()} is not the version that the project pins", "`make setup` installs it in .venv-sam"
        )


def build(examination: Examination) -> Iterator[Finding]:
    """Whether the layers are for the runtime and the architecture of the functions."""
    if examination.on_laptop or not examination.is_checkout:
        return  # `headrace deploy` builds and passes both
    marks = sorted((examination.root / BUILT).glob(f"*/python/{MARKS}/*.json"))
    if not marks:
        yield unknown("nothing is built here yet: `.venv-sam/bin/sam build`")
        return
    wanted = examination.parameters["Runtime"], examination.parameters["Architecture"]
    found = {
        (mark["runtime"], mark["architecture"]) for mark in (json.loads(path.read_text("utf-8")) for path in marks)
    }
    if found == {wanted}:
        yield ok(f"the build is for {wanted[0]} on {wanted[1]}, as the parameters are")
    for runtime, architecture in sorted(found - {wanted}):
        text = f"the build is for {runtime} on {architecture}, the parameters say {wanted[0]} on {wanted[1]}"
        remedy = f"HEADRACE_RUNTIME={wanted[0]} HEADRACE_ARCH={wanted[1]} .venv-sam/bin/sam build"
        yield fault(text, f"{remedy}, or deploy with Runtime={runtime} Architecture={architecture}")


def functions(examination: Examination) -> Iterator[Finding]:
    """Whether every deployed function can be called."""
    client = examination.client("lambda")
    pages = examination.client("cloudformation").get_paginator("list_stack_resources")
    names = [
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=examination.target.stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    states = {name: client.get_function_configuration(FunctionName=name) for name in names}
    broken = {name: found for name, found in states.items() if found.get("State", "Active") in BROKEN}
    for name, found in broken.items():
        yield fault(f"the function {name} is {found['State']}: {found.get('StateReason', 'no reason')}", "deploy again")
    if not broken:
        yield ok(f"{count(len(names), 'function')} can be called")


CHECKS = (
    Check("build", "contracts", contracts),
    Check("build", "SAM CLI", sam),
    Check("build", "layers", build),
    Check("stack", "functions", functions, deployed=True),
)
