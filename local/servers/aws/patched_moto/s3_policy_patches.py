"""Patches of how moto judges a request to S3 by the policies of its sender and of the bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from fnmatch import fnmatchcase
from typing import Any

from flask import has_request_context, request
from moto.iam.access_control import CreateAccessKeyFailure, IAMPolicy, PermissionResult, create_access_key
from patch import patch

ACCOUNT = "123456789012"
IAM_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
HEADERS = {
    "s3:if-match": "If-Match",
    "s3:if-none-match": "If-None-Match",
    "s3:x-amz-server-side-encryption-customer-algorithm": "x-amz-server-side-encryption-customer-algorithm",
}
KNOWN = {
    "aws:PrincipalArn",
    "aws:SecureTransport",
    "s3:ObjectCreationOperation",
    "s3:TlsVersion",
    "s3:prefix",
    *HEADERS,
}


def sender() -> str | None:
    """The ARN of the user or role that signed the request; None of a key that IAM does not have."""
    key = request.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]
    try:
        arn = create_access_key(ACCOUNT, "aws", key, request.headers).arn
    except (CreateAccessKeyFailure, KeyError):
        return None
    # For an assumed role the key has the ARN of the role.
    session, _, rest = arn.partition(":assumed-role/")
    return f"{session.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}" if rest else arn


def makes_object() -> bool:
    """True of a PutObject, a CopyObject and the end of an upload in parts."""
    parts = "uploadId" in request.args
    return request.method == ("POST" if parts else "PUT")


def context() -> dict[str, str]:
    """The condition keys of the request. The emulator speaks plain HTTP; each request counts as one over TLS 1.3."""
    found = {
        "aws:SecureTransport": "true",
        "s3:TlsVersion": "1.3",
        "s3:ObjectCreationOperation": str(makes_object()).lower(),
    }
    optional = {"aws:PrincipalArn": sender(), "s3:prefix": request.args.get("prefix")}
    optional |= {key: request.headers.get(header) for key, header in HEADERS.items()}
    return found | {key: value for key, value in optional.items() if value is not None}


def holds(operator: str, allowed: str | list[str], actual: str | None) -> bool:
    """One condition, as AWS evaluates it."""
    values = [allowed] if isinstance(allowed, str) else allowed
    if operator == "Null":
        return (actual is None) == (values[0] == "true")
    negated = "Not" in operator
    if actual is None:
        return negated
    if operator == "NumericLessThan":
        return float(actual) < float(values[0])
    return any(fnmatchcase(actual, value) for value in values) != negated


def all_hold(statement: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    """The conditions of a statement; one on a key that is not known here holds."""
    return all(
        holds(operator, values, found.get(key))
        for operator, conditions in statement.get("Condition", {}).items()
        for key, values in conditions.items()
        if key in KNOWN
    )


def actions_of(action: str) -> Iterable[str]:
    """The rights that the request needs: moto asks for the same one to delete an object and to delete a version."""
    if action != "s3:DeleteObject" or "versionId" not in request.args:
        return [action]
    bypass = request.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"
    return ["s3:DeleteObjectVersion", *(["s3:BypassGovernanceRetention"] if bypass else [])]


@patch(IAMPolicy, aws=f"{IAM_GUIDE}/reference_policies_condition-keys.html")
def is_action_permitted(
    permitted: Callable[..., PermissionResult], self: IAMPolicy, action: str, *args: Any, **kwargs: Any
) -> PermissionResult:
    """moto applies a Deny whatever its Condition says: a bucket that denies requests without TLS denies all."""
    if not action.startswith("s3:") or not has_request_context():
        return permitted(self, action, *args, **kwargs)
    found, policy = context(), copy(self)
    statements = self._policy_json["Statement"]
    policy._policy_json = {
        **self._policy_json,
        "Statement": [
            {key: value for key, value in statement.items() if key != "Condition"}
            for statement in (statements if isinstance(statements, list) else [statements])
            if all_hold(statement, found)
        ],
    }
    results = [permitted(policy, one, *args, **kwargs) for one in actions_of(action)]
    if PermissionResult.DENIED in results:
        return PermissionResult.DENIED
    return PermissionResult.PERMITTED if set(results) == {PermissionResult.PERMITTED} else PermissionResult.NEUTRAL
