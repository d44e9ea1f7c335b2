"""Starts moto's server, the AWS emulator, with a few of its gaps closed. Takes moto_server's own arguments.

Each gap made Terraform see a difference at each plan, or refuse what AWS takes. None of it is about what AWS would
refuse: where moto is more lenient than AWS, it stays so.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Any

from emulator_state import keep_state_in
from moto.athena.models import AthenaBackend
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.ec2.exceptions import InvalidPermissionNotFoundError, InvalidSecurityGroupRuleIdNotFoundError
from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.glue.models import FakeConnection
from moto.glue.responses import GlueResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.rds.models import DBInstance, DBParameterGroup
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey
from moto.server import main
from moto.utilities.utils import get_partition
from werkzeug.wrappers import Response

ONE_AT_A_TIME = threading.Lock()
ANSWERS_KEPT = 1000
TRANSPORT_KEYS = {"aws:SecureTransport", "s3:TlsVersion"}


def speaks_of_transport(statement: dict[str, Any]) -> bool:
    """Whether a statement's conditions concern nothing but how the request came."""
    keys = {key for test in statement.get("Condition", {}).values() for key in test}
    return bool(keys) and keys <= TRANSPORT_KEYS


def answer_one_at_a_time() -> None:
    """moto serves each request in a thread of its own and guards none of what the threads share."""
    call = DomainDispatcherApplication.__call__

    def call_alone(self: DomainDispatcherApplication, environ: dict[str, Any], start_response: Any) -> Any:
        with ONE_AT_A_TIME:
            return call(self, environ, start_response)

    DomainDispatcherApplication.__call__ = call_alone


def answer_retries_alike() -> None:
    """An SDK that gets no answer sends its request again under the same invocation id; moto would do it twice.

    On a busy machine a resource then "already exists" when Terraform creates it.
    """
    call = DomainDispatcherApplication.__call__
    done: OrderedDict[str, Response] = OrderedDict()

    def call_once(self: DomainDispatcherApplication, environ: dict[str, Any], start_response: Any) -> Any:
        invocation = environ.get("HTTP_AMZ_SDK_INVOCATION_ID")
        if invocation is None or environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return call(self, environ, start_response)
        if invocation in done:
            attempt = environ.get("HTTP_AMZ_SDK_REQUEST")
            print(f"the next request was answered before, its answer is sent again ({attempt})", flush=True)
        else:
            response = Response.from_app(partial(call, self), environ, buffered=True)
            if response.status_code >= 400:
                return response(environ, start_response)
            done[invocation] = response
            if len(done) > ANSWERS_KEPT:
                done.popitem(last=False)
        return done[invocation](environ, start_response)

    DomainDispatcherApplication.__call__ = call_once


def apply_transport_conditions() -> None:
    """moto applies a Deny whatever its Condition says, so that a bucket which denies requests without TLS denies all.

    The emulator speaks plain HTTP on the loopback interface; here each request counts as one over TLS 1.3.
    """
    get_permission = FakeBucket.get_permission

    def permission_over_tls(self: FakeBucket, action: str, resource: str) -> Any:
        stored = self.policy
        if stored is not None:
            policy = json.loads(stored)
            policy["Statement"] = [s for s in policy["Statement"] if not speaks_of_transport(s)]
            self.policy = json.dumps(policy).encode() if policy["Statement"] else None
        try:
            return get_permission(self, action, resource)
        finally:
            self.policy = stored

    FakeBucket.get_permission = permission_over_tls


def hide_key_of_objects() -> None:
    """Spark's S3 client copies an object with the KMS key that the source's headers name, and refuses to over plain HTTP.

    The copy is encrypted with the bucket's default, which is the same key.
    """
    headers = FakeKey.response_dict

    def headers_without_key(self: FakeKey) -> dict[str, Any]:
        every = headers.fget(self)
        return {name: value for name, value in every.items() if name != "x-amz-server-side-encryption-aws-kms-key-id"}

    FakeKey.response_dict = property(headers_without_key)


def keep_rule_descriptions() -> None:
    """moto forgets the description of a security group rule whose source is a group or a prefix list."""
    init = SecurityGroupRule.__init__

    def init_with_description(self: SecurityGroupRule, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        sources = (self.source_group, kwargs.get("prefix_list_id"), *args)
        texts = [s["Description"] for s in sources if isinstance(s, dict) and "Description" in s]
        self.source_description = texts[0] if texts else None

    SecurityGroupRule.__init__ = init_with_description
    SecurityGroupRule.description = property(lambda self: self.ip_range.get("Description") or self.source_description)


def name_missing_rules() -> None:
    """moto calls a security group rule that is gone a missing permission, which the provider takes for a failure."""
    for direction in ("ingress", "egress"):
        revoke = getattr(SecurityGroupBackend, f"revoke_security_group_{direction}")

        def revoke_known(self: Any, *args: Any, revoke: Any = revoke, **kwargs: Any) -> Any:
            try:
                return revoke(self, *args, **kwargs)
            except InvalidPermissionNotFoundError:
                if kwargs.get("security_rule_ids"):
                    raise InvalidSecurityGroupRuleIdNotFoundError(kwargs["security_rule_ids"][0]) from None
                raise

        setattr(SecurityGroupBackend, f"revoke_security_group_{direction}", revoke_known)


def dispose_of_delete_markers() -> None:
    """moto fails to delete a version that is a delete marker, so that a versioned bucket cannot be emptied."""
    FakeDeleteMarker.dispose = lambda self, garbage=False: None


def tell_instances_apart() -> None:
    """moto gives every RDS instance the same resource id, and forgets its enhanced monitoring and Performance Insights."""
    init = DBInstance.__init__

    def init_in_full(self: DBInstance, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self.dbi_resource_id = f"db-{secrets.token_hex(13).upper()}"
        self.monitoring_interval = kwargs.get("monitoring_interval", 0)
        self.monitoring_role_arn = kwargs.get("monitoring_role_arn")
        self.performance_insights_enabled = kwargs.get("enable_performance_insights", False)
        self.performance_insights_kms_key_id = kwargs.get("performance_insights_kms_key_id")
        self.performance_insights_retention_period = kwargs.get("performance_insights_retention_period")

    DBInstance.__init__ = init_in_full


def mark_user_parameters() -> None:
    """moto does not say that a changed parameter of a group was set by the user, which the provider asks for."""
    update_parameters = DBParameterGroup.update_parameters

    def update_and_mark(self: DBParameterGroup, new_parameters: Any) -> None:
        update_parameters(self, [{**parameter, "Source": "user"} for parameter in new_parameters])

    DBParameterGroup.update_parameters = update_and_mark


def keep_connections() -> None:
    """moto forgets the type of a Glue connection, and can neither update nor delete one."""
    as_dict = FakeConnection.as_dict

    def as_dict_with_type(self: FakeConnection) -> dict[str, Any]:
        given = {key: self.connection_input.get(key) for key in ("ConnectionType", "MatchCriteria")}
        return {**as_dict(self), **{key: value for key, value in given.items() if value is not None}}

    def update_connection(self: GlueResponse) -> str:
        connection = self.glue_backend.get_connection("", self._get_param("Name"), False, "")
        connection.connection_input = self._get_param("ConnectionInput")
        connection.description = connection.connection_input.get("Description")
        connection.connection_properties = connection.connection_input.get("ConnectionProperties", {})
        return "{}"

    def delete_connection(self: GlueResponse) -> str:
        self.glue_backend.connections.pop(self._get_param("ConnectionName"), None)
        return "{}"

    FakeConnection.as_dict = as_dict_with_type
    GlueResponse.update_connection = update_connection
    GlueResponse.delete_connection = delete_connection


def update_jobs() -> None:
    """moto cannot update a Glue job. As on AWS the new definition takes the whole place of the older, and the runs stay."""
    lasting = {"Name", "CreatedOn", "LastModifiedOn"}

    def update_job(self: GlueResponse) -> ActionResult:
        job = self.glue_backend.get_job(self._get_param("JobName"))
        update = self._get_param("JobUpdate")
        for key in job.as_dict().keys() - lasting:
            setattr(job, camelcase_to_underscores(key), update.get(key))
        job.execution_property = job.execution_property or {}
        job.default_arguments = job.default_arguments or {}
        job.execution_class = job.execution_class or "STANDARD"
        job.last_modified_on = utcnow()
        return ActionResult({"JobName": job.name})

    GlueResponse.update_job = update_job


def keep_workgroup_tags() -> None:
    """moto keeps the tags that an Athena workgroup is made with, and does not find them by its ARN."""
    create_work_group = AthenaBackend.create_work_group

    def create_and_tag(self: AthenaBackend, name: str, configuration: Any, description: str, tags: Any) -> Any:
        created = create_work_group(self, name, configuration, description, tags)
        partition = get_partition(self.region_name)
        self.tag_resource(f"arn:{partition}:athena:{self.region_name}:{self.account_id}:workgroup/{name}", tags or [])
        return created

    AthenaBackend.create_work_group = create_and_tag


if __name__ == "__main__":
    answer_retries_alike()
    answer_one_at_a_time()  # around the retries: one may come while its first try is at work
    apply_transport_conditions()
    hide_key_of_objects()
    keep_rule_descriptions()
    name_missing_rules()
    dispose_of_delete_markers()
    tell_instances_apart()
    mark_user_parameters()
    keep_connections()
    update_jobs()
    keep_workgroup_tags()
    if "EMULATOR_STATE_FILE" in os.environ:
        keep_state_in(Path(os.environ["EMULATOR_STATE_FILE"]), ONE_AT_A_TIME)
    main()
