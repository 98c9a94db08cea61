"""Who signed a request, checked: Signature Version 4 of the laptop's own key, or of a session of the emulator's.

The emulator takes a root key's word for it, and leaves some of its pages open; so the check is made here, for all of
them, by the emulator's own signing functions. Only its process may import this module.
"""

from __future__ import annotations

import hmac
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from ministack.core import iam_actions, iam_evaluator, router, sigv4

from headrace_local.redshift import TARGET_PREFIX
from headrace_local.state import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headrace_local.state import Keys

    Answer = tuple[int, dict[str, str], bytes]
    """Status, headers, body."""

UNKNOWN_KEY = "UnrecognizedClientException"
UNKNOWN = "The security token included in the request is invalid."
UNSIGNED = "MissingAuthenticationToken"
ROOT = "Root"
FORBIDDEN = 403
FORM = "application/x-www-form-urlencoded"
HASH = re.compile(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-UNSIGNED-PAYLOAD-TRAILER")
SINGLE = ("authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256")


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in: AWS's code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class Signer:
    """Checks signatures on behalf of one laptop."""

    keys: Keys

    async def answer_to(self, scope: dict[str, Any], body: Callable[[], Awaitable[bytes]]) -> Answer | None:
        """The answer to a request that must not pass, in its service's words; None when its signature is right.

        The body is asked for only if it is signed.
        """
        headers, repeated = joined_headers(scope["headers"])
        query = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)
        refusal = await self._refusal(scope, headers, query, body, repeated=repeated)
        if refusal is None:
            return None
        service = service_of(scope, headers, query)
        _, named, document = iam_actions.access_denied_response(
            service, "", "", str(uuid.uuid4()), error_code=refusal.code, message=refusal.message, headers=headers
        )
        return FORBIDDEN, {**named, "Content-Length": str(len(document))}, document

    async def _refusal(
        self,
        scope: dict[str, Any],
        headers: dict[str, str],
        query: dict[str, list[str]],
        body: Callable[[], Awaitable[bytes]],
        *,
        repeated: bool,
    ) -> Refusal | None:
        presigned = any(name.lower() == "x-amz-signature" for name in query)
        if repeated or (presigned and "authorization" in headers):
            return Refusal("InvalidRequest", "A request is signed once: in its Authorization header, or in its query.")
        if not presigned and "authorization" not in headers:
            return Refusal(UNSIGNED, "Missing Authentication Token")
        if not presigned and not headers["authorization"].startswith("AWS4-HMAC-SHA256 "):
            wanted = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
            return Refusal("InvalidRequest", wanted)
        found = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
        if isinstance(found, tuple):
            return Refusal(*found)
        signed = "" if presigned else headers.get("x-amz-content-sha256", "")
        payload = b"" if HASH.fullmatch(signed) or (presigned and found.service == "s3") else await body()
        return self._checked(scope, found, query, headers, payload, presigned=presigned)

    def _checked(
        self,
        scope: dict[str, Any],
        found: sigv4.HeaderSignature,
        query: dict[str, list[str]],
        headers: dict[str, str],
        payload: bytes,
        *,
        presigned: bool,
    ) -> Refusal | None:
        if "host" not in found.signed_headers.split(";"):
            return Refusal("SignatureDoesNotMatch", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
        token = first(query, "X-Amz-Security-Token") if presigned else headers.get("x-amz-security-token", "")
        credential = self._credential(found.access_key_id, token)
        if credential is None:
            return Refusal(UNKNOWN_KEY, UNKNOWN)
        late = too_late(found, query, presigned=presigned)
        if late:
            return late
        raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
        failure = sigv4.header_signature_failure(
            found,
            credential.secret_access_key,
            scope["method"],
            raw_path.decode("latin-1"),
            query,
            headers,
            payload,
            presigned=presigned,
        )
        return Refusal(*failure) if failure else None

    def _credential(self, access_key_id: str, token: str) -> iam_evaluator.ResolvedCredential | None:
        """What the emulator knows of a key. It takes any number, `test` and no key at all for root: none is, here."""
        if not access_key_id:
            return None
        account = iam_evaluator.find_iam_access_key_account(access_key_id) or ACCOUNT
        found = iam_evaluator.resolve_credential(access_key_id, account, token)
        if isinstance(found, iam_evaluator.CredentialResolutionError):
            return None
        own = hmac.compare_digest(access_key_id.encode(), self.keys.access_key_id.encode())
        return found if own or found.principal_type != ROOT else None


def service_of(scope: dict[str, Any], headers: dict[str, str], query: dict[str, list[str]]) -> str:
    """The service that a request is for, which decides how its errors are written."""
    if headers.get("x-amz-target", "").startswith(TARGET_PREFIX):
        return "redshift-data"
    if headers.get("content-type", "").startswith(FORM) and "authorization" not in headers:
        return "sts"  # as good as any: all services that take forms write their errors alike
    return str(router.detect_service(scope["method"], scope["path"], headers, query))


def too_late(found: sigv4.HeaderSignature, query: dict[str, list[str]], *, presigned: bool) -> Refusal | None:
    """Why the time of a signature is not good any more, or not yet."""
    expires = first(query, "X-Amz-Expires") if presigned else ""
    if not expires:
        skewed = sigv4.request_time_failure(found)
        return Refusal(*skewed) if skewed else None
    try:
        expired = sigv4.presigned_request_is_expired(found.amz_date, expires)
    except ValueError:
        expired = True
    return Refusal("AccessDenied", "Request has expired") if expired else None


def joined_headers(raw: list[tuple[bytes, bytes]]) -> tuple[dict[str, str], bool]:
    """The headers as they are signed, and whether one that a signature hangs on was sent twice."""
    headers: dict[str, str] = {}
    repeated = False
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
        repeated |= key in headers and key in SINGLE
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers, repeated


def first(query: dict[str, list[str]], name: str) -> str:
    """A parameter of the query, empty without it."""
    return (query.get(name) or query.get(name.lower()) or [""])[0]
