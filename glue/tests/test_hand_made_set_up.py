"""The set-up that `examples/adopt-hand-made-set-up` takes over is as open as its README makes it."""

from __future__ import annotations

import json

from tests.support.hand_made_set_up import clients_of, make_set_up
from tests.support.lab import Emulator


def test_the_hand_made_set_up_is_open_to_everybody(emulator: Emulator) -> None:
    client = clients_of(emulator.url)
    made = make_set_up(client)
    bucket = {"Bucket": made["bucketName"]}
    (statement,) = json.loads(client("s3").get_bucket_policy(**bucket)["Policy"])["Statement"]
    assert (statement["Principal"], "s3:PutObject" in statement["Action"]) == ("*", True)
    blocked = client("s3").get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {False}
    keys = [item["Key"] for item in client("s3").list_objects_v2(**bucket)["Contents"]]
    assert keys == ["backup/", "backup/image_id=1/run-1.csv", "xray-images/", "xray-images/img_1.png"]
    (instance,) = client("rds").describe_db_instances(DBInstanceIdentifier=made["dbInstanceIdentifier"])["DBInstances"]
    assert (instance["PubliclyAccessible"], instance["StorageEncrypted"]) == (True, made["storageEncrypted"])
    (group,) = (group["VpcSecurityGroupId"] for group in instance["VpcSecurityGroups"])
    (rules,) = client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    (allowed,) = rules["IpPermissions"]
    assert (allowed["IpProtocol"], [entry["CidrIp"] for entry in allowed["IpRanges"]]) == ("-1", ["0.0.0.0/0"])
    job = client("glue").get_job(JobName=made["jobName"])["Job"]
    assert (job["MaxRetries"], job["GlueVersion"]) == (3, "3.0")
