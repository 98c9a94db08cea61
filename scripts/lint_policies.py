"""Parliament over IAM policies, in `.venv-audit`: `{name: document}` comes in as JSON, a list of findings goes out."""

import json
import sys
import warnings

warnings.filterwarnings("ignore")  # of a library that it imports

import parliament  # type: ignore[import-not-found,unused-ignore]  # noqa: E402


def main() -> None:
    """Lint every document."""
    findings = [
        {"rule": finding.issue, "where": name, "detail": str(finding.detail or finding.location)}
        for name, document in json.load(sys.stdin).items()
        for finding in parliament.analyze_policy_string(json.dumps(document)).findings
    ]
    json.dump(findings, sys.stdout)


if __name__ == "__main__":
    main()
