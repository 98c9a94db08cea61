"""The laptop is its owner's: what a hostile web page and another user of the machine try against the real server."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from headrace_local.state import LaptopState

    from .conftest import Account

EVIL = {"Origin": "https://evil.example"}
TEXT = {"Content-Type": "text/plain"}
CREATE_ROLE = b"Action=CreateRole&Version=2010-05-08&RoleName=evil&AssumeRolePolicyDocument=%7B%7D"
FUNCTION = json.dumps({"FunctionName": "evil", "Runtime": "python3.11", "Role": "r", "Handler": "a.b", "Code": {}})
NOBODY = 65534
# Each service has a word of its own for it.
UNKNOWN = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
UNKNOWN |= {"InvalidSignatureException"}


class Answer:
    """What the server said to a request."""

    def __init__(self, laptop: LaptopState, method: str, path: str, body: bytes | str = b"", **headers: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", laptop.port, timeout=10)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        answer = connection.getresponse()
        self.status, self.headers, self.body = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()

    @property
    def shared(self) -> list[str]:
        """Headers that let a page of elsewhere read it."""
        return [name for name in self.headers if name.lower().startswith("access-control-")]


def signed(
    laptop: LaptopState,
    service: str,
    method: str,
    path: str,
    body: bytes | str = b"",
    *,
    key: tuple[str, str] | None = None,
    in_query: bool = False,
) -> tuple[str, dict[str, str]]:
    """Path and headers of a request signed with the laptop's key, or with another one."""
    keys = Credentials(*(key or (laptop.access_key_id, laptop.secret_access_key)))
    request = AWSRequest(method, laptop.endpoint_url + path, data=b"" if in_query else body)
    kind: Any = SigV4QueryAuth if in_query else SigV4Auth
    signer = kind(keys, service, "us-east-1")
    if in_query:  # botocore would move the body into the query
        digest = hashlib.sha256(body.encode() if isinstance(body, str) else body).hexdigest()
        signer.payload = lambda _request: digest
    signer.add_auth(request)
    url = urlsplit(request.prepare().url)
    own = {name: value for name, value in request.headers.items() if name.lower() != "host"}
    return f"{url.path}?{url.query}" if url.query else url.path, own


ATTACKS = [
    ("iam", "POST", "/", CREATE_ROLE),
    ("lambda", "POST", "/2015-03-31/functions", FUNCTION),
    ("lambda", "POST", "/2015-03-31/functions/evil/invocations", "{}"),
    ("s3", "PUT", "/evil-bucket", b""),
    ("states", "OPTIONS", "/", b""),
]


class TestAWebPage:
    """It sends what a browser lets it: simple requests without preflight, and it can sign in the query string."""

    @pytest.mark.parametrize("keys", [("test", "test"), None], ids=["the old key", "even the right one"])
    @pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack[1]} {attack[2]}")
    def test_nothing_comes_through_from_another_origin(
        self, laptop: LaptopState, account: Account, attack: tuple[str, str, str, bytes], keys: tuple[str, str] | None
    ) -> None:
        service, method, path, body = attack
        for in_query in (False, True):
            target, own = signed(laptop, service, method, path, body, key=keys, in_query=in_query)
            answer = Answer(laptop, method, target, body, **(own | EVIL | TEXT))
            assert (answer.status, answer.shared) == (403, [])

        assert "evil" not in [role["RoleName"] for role in account.client("iam").list_roles()["Roles"]]
        assert "evil" not in [each["FunctionName"] for each in account.client("lambda").list_functions()["Functions"]]
        assert "evil-bucket" not in [each["Name"] for each in account.client("s3").list_buckets()["Buckets"]]

    @pytest.mark.parametrize(
        "host", ["evil.example:{port}", "evil.example", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}"]
    )
    def test_a_name_that_was_made_to_point_here_is_refused(self, laptop: LaptopState, host: str) -> None:
        target, own = signed(laptop, "iam", "POST", "/", CREATE_ROLE)
        named = {"Host": host.format(port=laptop.port)}

        assert Answer(laptop, "POST", target, CREATE_ROLE, **(own | TEXT | named)).status == 403
        assert Answer(laptop, "GET", urlsplit(laptop.page("notifications")).path, **named).status == 403

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin"])
    def test_what_a_browser_marks_as_a_pages_is_refused(self, laptop: LaptopState, site: str) -> None:
        path = urlsplit(laptop.page("notifications")).path

        assert Answer(laptop, "GET", path).status == 200
        assert Answer(laptop, "GET", path, Sec_Fetch_Site="none").status == 200
        assert Answer(laptop, "GET", path, Sec_Fetch_Site=site).status == 403

    def test_a_preflight_allows_nothing(self, laptop: LaptopState) -> None:
        wanted = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
        for path in ("/", "/_ministack/config", "/2015-03-31/functions", "/bucket/key"):
            for origin in (EVIL, {}):
                answer = Answer(laptop, "OPTIONS", path, **(wanted | origin))
                assert (answer.status, answer.shared) == (403, [])

    def test_a_websocket_is_not_opened(self, laptop: LaptopState) -> None:
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        for path in ("/", "/_aws/execute-api/abcdef01/prod"):
            for host in ({}, {"Host": f"abcdef01.execute-api.localhost:{laptop.port}"}):
                assert Answer(laptop, "GET", path, **(upgrade | key | host)).status == 403

    def test_a_good_answer_is_not_for_pages_either(self, laptop: LaptopState) -> None:
        target, own = signed(laptop, "iam", "POST", "/", b"Action=ListRoles&Version=2010-05-08")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = Answer(laptop, "POST", target, b"Action=ListRoles&Version=2010-05-08", **(own | form))

        assert (answer.status, answer.shared) == (200, [])


PAGES = ["health", "notifications", "warehouse", "faults", "slack", "pagerduty"]
CALLS = [
    ("s3", "list_buckets", {}),
    ("sqs", "list_queues", {}),
    ("sns", "list_topics", {}),
    ("iam", "list_roles", {}),
    ("sts", "get_caller_identity", {}),
    ("lambda", "list_functions", {}),
    ("lambda", "invoke", {"FunctionName": "any"}),
    ("stepfunctions", "list_state_machines", {}),
    ("dynamodb", "list_tables", {}),
    ("secretsmanager", "list_secrets", {}),
    ("cloudformation", "list_stacks", {}),
    ("events", "list_rules", {}),
    ("scheduler", "list_schedules", {}),
    ("logs", "describe_log_groups", {}),
    ("cloudwatch", "list_metrics", {}),
    ("redshift-data", "execute_statement", {"Sql": "SELECT 1", "WorkgroupName": "headrace", "Database": "headrace"}),
]
ADMINISTRATION = [
    ("POST", "/_ministack/reset"),
    ("POST", "/_ministack/config"),
    ("GET", "/_ministack/health"),
    ("GET", "/_ministack/ready"),
    ("GET", "/_ministack/sqs/messages"),
    ("GET", "/_ministack/sns/sms-messages"),
    ("GET", "/_ministack/ses/messages"),
    ("GET", "/_ministack/lambda-code/any"),
    ("GET", "/_ministack/lambda-layers/any"),
    ("GET", "/_ministack/transfer/sftp-ports"),
    ("GET", "/_ministack/iot/ca.pem"),
    ("GET", "/_ministack/rds/ca.pem"),
    ("POST", "/_ministack/rds/iam-auth"),
    ("PUT", "/_ministack/cfn-signal/any"),
    ("POST", "/_ministack/eks-auth/any"),
    ("GET", "/_localstack/health"),
    ("GET", "/health"),
]


class TestAnotherUser:
    """They can reach the port, and know everything that is public about the emulator."""

    @pytest.mark.parametrize(("service", "operation", "arguments"), CALLS, ids=[f"{c[0]}-{c[1]}" for c in CALLS])
    def test_no_service_takes_their_keys(
        self, laptop: LaptopState, service: str, operation: str, arguments: dict[str, Any]
    ) -> None:
        own = laptop.client_arguments()
        for key, secret in (
            ("test", "test"),
            ("000000000000", "test"),
            ("123456789012", laptop.secret_access_key),
            ("AKIANOBODYNOBODY1234", "x"),
            (laptop.access_key_id, "test"),
        ):
            client: Any = boto3.client(
                service,
                **own | {"aws_access_key_id": key, "aws_secret_access_key": secret},
                config=Config(retries={"max_attempts": 1}),
            )
            with pytest.raises(ClientError) as refused:
                getattr(client, operation)(**arguments)
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
            assert refused.value.response["Error"]["Code"] in UNKNOWN

    @pytest.mark.parametrize(("service", "operation", "arguments"), CALLS, ids=[f"{c[0]}-{c[1]}" for c in CALLS])
    def test_nobody_comes_in_unsigned(
        self, laptop: LaptopState, service: str, operation: str, arguments: dict[str, Any]
    ) -> None:
        client: Any = boto3.client(
            service,
            endpoint_url=laptop.endpoint_url,
            region_name="us-east-1",
            config=Config(signature_version=UNSIGNED, retries={"max_attempts": 1}),
        )
        with pytest.raises(ClientError) as refused:
            getattr(client, operation)(**arguments)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    def test_an_object_needs_a_signature_whatever_its_bucket_says(self, laptop: LaptopState, account: Account) -> None:
        s3 = account.client("s3")
        s3.create_bucket(Bucket="open-to-all")
        s3.delete_public_access_block(Bucket="open-to-all")
        everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::open-to-all/*"}
        policy = {"Version": "2012-10-17", "Statement": [everybody]}
        s3.put_bucket_policy(Bucket="open-to-all", Policy=json.dumps(policy))
        s3.put_object(Bucket="open-to-all", Key="a", Body=b"private")

        assert Answer(laptop, "GET", "/open-to-all/a").status == 403
        assert Answer(laptop, "PUT", "/open-to-all/b", b"x").status == 403

    def test_a_presigned_address_is_good_until_it_expires_and_for_what_it_was_signed(
        self, laptop: LaptopState, account: Account
    ) -> None:
        account.client("s3").create_bucket(Bucket="presigned")
        account.client("s3").put_object(Bucket="presigned", Key="a", Body=b"mine")

        def address(seconds: int, **key: str) -> str:
            arguments = laptop.client_arguments() | key
            s3 = boto3.client("s3", **arguments, config=Config(signature_version="s3v4"))
            where = {"Bucket": "presigned", "Key": "a"}
            url = urlsplit(s3.generate_presigned_url("get_object", Params=where, ExpiresIn=seconds))
            return f"{url.path}?{url.query}"

        good, short = address(60), address(1)
        assert Answer(laptop, "GET", good).body == b"mine"
        assert Answer(laptop, "GET", good.replace("presigned/a", "presigned/b")).status == 403
        assert Answer(laptop, "DELETE", good).status == 403
        assert Answer(laptop, "GET", address(60, aws_access_key_id="test", aws_secret_access_key="test")).status == 403
        time.sleep(2.1)
        assert Answer(laptop, "GET", short).status == 403

    def test_the_first_signature_of_s3_is_refused_as_on_aws(self, laptop: LaptopState) -> None:
        old = f"/bucket/a?AWSAccessKeyId={laptop.access_key_id}&Signature=x&Expires=9999999999"
        assert Answer(laptop, "GET", old).status == 403
        assert Answer(laptop, "GET", "/bucket/a", Authorization=f"AWS {laptop.access_key_id}:x").status == 403

    def test_a_body_is_what_was_signed(self, laptop: LaptopState) -> None:
        target, own = signed(laptop, "iam", "POST", "/", b"Action=ListRoles&Version=2010-05-08")
        form = {"Content-Type": "application/x-www-form-urlencoded"}

        assert Answer(laptop, "POST", target, CREATE_ROLE, **(own | form)).status == 403

    def test_two_signatures_are_one_too_many(self, laptop: LaptopState) -> None:
        in_query, _ = signed(
            laptop, "iam", "GET", "/?Action=ListRoles&Version=2010-05-08", key=("a", "b"), in_query=True
        )
        _, own = signed(laptop, "iam", "GET", in_query)

        assert Answer(laptop, "GET", in_query, **own).status == 403

    @pytest.mark.parametrize(("method", "path"), ADMINISTRATION)
    def test_the_emulators_own_pages_are_closed_to_everybody(
        self, laptop: LaptopState, account: Account, method: str, path: str
    ) -> None:
        target, own = signed(laptop, "s3", method, path)
        account.client("sqs").create_queue(QueueName="still-here")

        assert Answer(laptop, method, path).status == 403
        assert Answer(laptop, method, target, **own).status == 403
        assert account.client("sqs").list_queues(QueueNamePrefix="still-here")["QueueUrls"]

    @pytest.mark.parametrize("page", PAGES)
    def test_the_laptops_own_pages_need_their_token(self, laptop: LaptopState, page: str) -> None:
        for path in (f"/_headrace/{page}", f"/_headrace//{page}", f"/_headrace/{'x' * 32}/{page}", "/_headrace/"):
            for method in ("GET", "POST", "DELETE"):
                assert Answer(laptop, method, path, b"[]").status == 403

    def test_a_functions_secret_cannot_be_computed_from_what_is_known(
        self, laptop: LaptopState, account: Account
    ) -> None:
        """The emulator's own rule: digests of the function's ARN and its role's."""
        shown = account.function("shows_keys", "import os\ndef handler(e, c):\n    return dict(os.environ)\n")
        environment = account.invoke("shows_keys")
        role = account.client("lambda").get_function_configuration(FunctionName="shows_keys")["Role"]
        digest = hashlib.sha256(f"{shown}:{role}".encode()).hexdigest()
        guessed = [hashlib.sha256(f"{use}:{digest}".encode()).hexdigest() for use in ("secret", "token")]

        assert environment["AWS_ACCESS_KEY_ID"] == f"ASIA{digest[:16].upper()}"
        assert environment["AWS_SECRET_ACCESS_KEY"] != guessed[0]
        assert laptop.secret_access_key not in environment.values()
        keys = {"aws_access_key_id": environment["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": guessed[0]}
        thief = boto3.client("sts", **laptop.client_arguments() | keys, aws_session_token=guessed[1])
        with pytest.raises(ClientError, match="security token included in the request is invalid"):
            thief.get_caller_identity()
        own = {"aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"]}
        function = boto3.client(
            "sts", **laptop.client_arguments() | keys | own, aws_session_token=environment["AWS_SESSION_TOKEN"]
        )
        assert "shows_keys-role" in function.get_caller_identity()["Arn"]

    def test_the_home_is_closed_to_them(self, laptop: LaptopState, tmp_path_factory: pytest.TempPathFactory) -> None:
        home = Path(tmp_path_factory.getbasetemp()) / "laptop0" / "home"
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "laptop.json").stat().st_mode) == 0o600
        open_to_others = [str(path) for path in made_by_the_daemon(home) if path.stat().st_mode & 0o077]
        assert open_to_others == []
        if os.getuid() == 0:
            look = f"import os; os.setgid({NOBODY}); os.setuid({NOBODY}); os.listdir({str(home)!r})"
            done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
            assert "PermissionError" in done.stderr

    def test_the_daemons_command_line_has_no_secret(self, laptop: LaptopState) -> None:
        shown = Path(f"/proc/{laptop.pid}/cmdline").read_text()
        assert laptop.secret_access_key not in shown
        assert laptop.token not in shown


def made_by_the_daemon(home: Path) -> list[Path]:
    """The files the daemon keeps: the warehouse, what people were told, objects, its log."""
    named = [home / name for name in ("laptop.json", "laptop.log", "warehouse.duckdb", "tmp", "s3")]
    return [path for path in (*named, *(home / "s3").rglob("*")) if path.exists()]
