"""Patches of moto's services.

Each gap made Terraform see a difference at each plan, or refuse what AWS takes. None of it is about what AWS would
refuse: where moto is more lenient than AWS, it stays so.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from moto.athena.models import AthenaBackend
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.ec2.exceptions import InvalidPermissionNotFoundError, InvalidSecurityGroupRuleIdNotFoundError
from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.glue.models import FakeConnection
from moto.glue.responses import Action, GlueResponse
from moto.iam.responses import IamResponse
from moto.rds.models import DBInstance, DBParameterGroup, OptionGroup, RDSBackend
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.models import FakeDeleteMarker
from moto.s3.responses import S3Response
from moto.utilities.utils import get_partition
from patch import patch

Original = Callable[..., Any]

IAM_API = "https://docs.aws.amazon.com/IAM/latest/APIReference"
S3_API = "https://docs.aws.amazon.com/AmazonS3/latest/API"
S3_GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
EC2_API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference"
RDS_API = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference"
GLUE_API = "https://docs.aws.amazon.com/glue/latest/webapi"
ATHENA_API = "https://docs.aws.amazon.com/athena/latest/APIReference"


@patch(FakeDeleteMarker, aws=f"{S3_GUIDE}/ManagingDelMarkers.html", new=True)
def dispose(self: FakeDeleteMarker, garbage: bool = False) -> None:
    """moto fails to delete a version that is a delete marker, so that a versioned bucket cannot be emptied."""


@patch(SecurityGroupRule, aws=f"{EC2_API}/API_SecurityGroupRule.html")
def __init__(init: Original, self: SecurityGroupRule, *args: Any, **kwargs: Any) -> None:
    """moto forgets the description of a security group rule whose source is a group or a prefix list."""
    init(self, *args, **kwargs)
    sources = (self.source_group, kwargs.get("prefix_list_id"), *args)
    texts = [s["Description"] for s in sources if isinstance(s, dict) and "Description" in s]
    self.source_description = texts[0] if texts else None


@patch(SecurityGroupRule, aws=f"{EC2_API}/API_SecurityGroupRule.html")
def description(_moto: Original, self: SecurityGroupRule) -> Any:
    """See above."""
    return self.ip_range.get("Description") or self.source_description


def revoke_known(revoke: Original, self: SecurityGroupBackend, *args: Any, **kwargs: Any) -> Any:
    """moto calls a security group rule that is gone a missing permission, which the provider takes for a failure."""
    try:
        return revoke(self, *args, **kwargs)
    except InvalidPermissionNotFoundError:
        if kwargs.get("security_rule_ids"):
            raise InvalidSecurityGroupRuleIdNotFoundError(kwargs["security_rule_ids"][0]) from None
        raise


@patch(SecurityGroupBackend, aws=f"{EC2_API}/API_RevokeSecurityGroupIngress.html")
def revoke_security_group_ingress(revoke: Original, self: SecurityGroupBackend, *args: Any, **kwargs: Any) -> Any:
    """See above."""
    return revoke_known(revoke, self, *args, **kwargs)


@patch(SecurityGroupBackend, aws=f"{EC2_API}/API_RevokeSecurityGroupEgress.html")
def revoke_security_group_egress(revoke: Original, self: SecurityGroupBackend, *args: Any, **kwargs: Any) -> Any:
    """See above."""
    return revoke_known(revoke, self, *args, **kwargs)


@patch(RDSBackend, aws=f"{RDS_API}/API_CreateOptionGroup.html")
def create_option_group(create: Original, self: RDSBackend, option_group_kwargs: dict[str, Any]) -> OptionGroup:
    """moto knows no option group of MySQL after 8.0."""
    version = option_group_kwargs["major_engine_version"]
    known = "8.0" if option_group_kwargs["engine_name"] == "mysql" else version
    group: OptionGroup = create(self, {**option_group_kwargs, "major_engine_version": known})
    group.major_engine_version = version
    return group


@patch(DBInstance, aws=f"{RDS_API}/API_DBInstance.html")
def __init__(init: Original, self: DBInstance, *args: Any, **kwargs: Any) -> None:  # noqa: F811
    """moto gives every RDS instance one resource id, and forgets its enhanced monitoring and Performance Insights."""
    init(self, *args, **kwargs)
    self.dbi_resource_id = f"db-{secrets.token_hex(13).upper()}"
    self.monitoring_interval = kwargs.get("monitoring_interval", 0)
    self.monitoring_role_arn = kwargs.get("monitoring_role_arn")
    self.performance_insights_enabled = kwargs.get("enable_performance_insights", False)
    self.performance_insights_kms_key_id = kwargs.get("performance_insights_kms_key_id")
    self.performance_insights_retention_period = kwargs.get("performance_insights_retention_period")


@patch(DBParameterGroup, aws=f"{RDS_API}/API_Parameter.html")
def update_parameters(update: Original, self: DBParameterGroup, new_parameters: Any) -> None:
    """moto does not say that a changed parameter of a group was set by the user, which the provider asks for."""
    update(self, [{**parameter, "Source": "user"} for parameter in new_parameters])


@patch(FakeConnection, aws=f"{GLUE_API}/API_Connection.html")
def as_dict(as_moto_tells: Original, self: FakeConnection) -> dict[str, Any]:
    """moto forgets the type of a Glue connection."""
    given = {key: self.connection_input.get(key) for key in ("ConnectionType", "MatchCriteria")}
    return {**as_moto_tells(self), **{key: value for key, value in given.items() if value is not None}}


@patch(GlueResponse, aws=f"{GLUE_API}/API_UpdateConnection.html", new=True)
def update_connection(self: GlueResponse) -> str:
    """moto cannot update a Glue connection."""
    connection = self.glue_backend.get_connection("", self._get_param("Name"), False, "")
    connection.connection_input = self._get_param("ConnectionInput")
    connection.description = connection.connection_input.get("Description")
    connection.connection_properties = connection.connection_input.get("ConnectionProperties", {})
    return "{}"


@patch(GlueResponse, aws=f"{GLUE_API}/API_DeleteConnection.html", new=True)
def delete_connection(self: GlueResponse) -> str:
    """moto cannot delete a Glue connection."""
    self.glue_backend.connections.pop(self._get_param("ConnectionName"), None)
    return "{}"


@patch(GlueResponse, aws=f"{GLUE_API}/API_UpdateJob.html", new=True)
def update_job(self: GlueResponse) -> ActionResult:
    """moto cannot update a Glue job. As on AWS the new definition replaces the older, and the runs stay."""
    job = self.glue_backend.get_job(self._get_param("JobName"))
    update = self._get_param("JobUpdate")
    for key in job.as_dict().keys() - {"Name", "CreatedOn", "LastModifiedOn"}:
        setattr(job, camelcase_to_underscores(key), update.get(key))
    job.execution_property = job.execution_property or {}
    job.default_arguments = job.default_arguments or {}
    job.execution_class = job.execution_class or "STANDARD"
    job.last_modified_on = utcnow()
    return ActionResult({"JobName": job.name})


@patch(GlueResponse, aws=f"{GLUE_API}/API_UpdateTrigger.html", new=True)
def update_trigger(self: GlueResponse) -> ActionResult:
    """moto cannot update a Glue trigger."""
    trigger = self.glue_backend.get_trigger(self._get_param("Name"))
    update = self._get_param("TriggerUpdate")
    trigger.actions = [Action(action) for action in update.get("Actions", [])]
    trigger.description = update.get("Description")
    trigger.schedule = update.get("Schedule")
    return ActionResult({"Trigger": trigger.as_dict()})


@patch(IamResponse, aws=f"{IAM_API}/API_ListServiceSpecificCredentials.html", new=True)
def list_service_specific_credentials(self: IamResponse) -> ActionResult:
    """moto knows no credentials for single services, for which the provider looks before it deletes a user."""
    return ActionResult({"ServiceSpecificCredentials": []})


@patch(AthenaBackend, aws=f"{ATHENA_API}/API_CreateWorkGroup.html")
def create_work_group(
    create: Original, self: AthenaBackend, name: str, configuration: Any, description: str, tags: Any
) -> Any:
    """moto keeps the tags that an Athena workgroup is made with, and does not find them by its ARN."""
    created = create(self, name, configuration, description, tags)
    partition = get_partition(self.region_name)
    self.tag_resource(f"arn:{partition}:athena:{self.region_name}:{self.account_id}:workgroup/{name}", tags or [])
    return created


@patch(S3Response, aws=f"{S3_API}/API_ReplicationRule.html")
def get_bucket_replication(_moto: Original, self: S3Response) -> Any:
    """moto forgets of a rule what it selects besides plain objects: those under a KMS key."""
    replication = self.backend.get_bucket_replication(self.bucket_name)
    if not replication:
        raise ReplicationConfigurationNotFoundError(bucket_name=self.bucket_name)
    self.data["Action"] = "GetBucketReplication"
    rules = [{**rule, "Filter": rule.get("Filter") or {"Prefix": ""}} for rule in replication["Rule"]]
    configuration = {"Role": replication["Role"], "Rules": rules}
    return self.serialized(ActionResult({"ReplicationConfiguration": configuration}))
