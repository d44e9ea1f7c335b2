"""Makes the hand-made set-up in an AWS emulator, step by step as its README says to click it together in the console.

Usage: python hand_made_set_up.py ENDPOINT. Writes the names and ids of its resources as JSON to standard output.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import boto3

BUCKET = "clinic-x-rays"
IMAGES, BACKUP = "xray-images", "backup"
INSTANCE, JOB = "database-1", "data-backup"
REGION = "eu-central-1"


# Gives a client of a service.
Clients = Callable[[str], Any]


def clients_of(endpoint_url: str) -> Clients:
    """Clients of the emulator, in the region of the set-up."""
    session = boto3.Session("local", "local", region_name=REGION)
    return lambda service: session.client(service, endpoint_url=endpoint_url)  # type: ignore[call-overload]


def make_bucket(client: Clients) -> None:
    """Create bucket, untick "Block all public access", paste the policy, create two folders; then the app uploads."""
    s3 = client("s3")
    s3.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": REGION},
        ObjectOwnership="BucketOwnerEnforced",
    )
    s3.put_public_access_block(
        Bucket=BUCKET,
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False
        ),
    )
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [default]})
    statement = {
        "Sid": "ExampleStatement01",
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{BUCKET}/*", f"arn:aws:s3:::{BUCKET}"],
    }
    policy = {"Version": "2012-10-17", "Id": "x-ray", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    for folder in (IMAGES, BACKUP):
        s3.put_object(Bucket=BUCKET, Key=f"{folder}/", Body=b"")
    s3.put_object(Bucket=BUCKET, Key=f"{IMAGES}/img_1.png", Body=b"an X-ray")
    s3.put_object(Bucket=BUCKET, Key=f"{BACKUP}/image_id=1/run-1.csv", Body=b"1,clinic-x-rays\n")


def make_database(client: Clients) -> dict[str, object]:
    """Create database with a typed password, public access yes, and a security group that lets everything in."""
    ec2, rds = client("ec2"), client("rds")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    in_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    subnets = sorted(ec2.describe_subnets(Filters=in_vpc)["Subnets"], key=lambda subnet: subnet["AvailabilityZone"])
    main_table = ec2.describe_route_tables(Filters=in_vpc)["RouteTables"][0]["RouteTableId"]
    group = ec2.create_security_group(GroupName="mysql-workbench", Description="all traffic", VpcId=vpc)["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[everything])
    rds.create_db_subnet_group(
        DBSubnetGroupName=f"default-{vpc}",
        DBSubnetGroupDescription="Created from the RDS Management Console",
        SubnetIds=[subnet["SubnetId"] for subnet in subnets],
    )
    rds.create_db_instance(
        DBInstanceIdentifier=INSTANCE,
        Engine="mysql",
        EngineVersion="8.4.3",
        DBInstanceClass="db.t3.micro",
        MasterUsername="admin",
        MasterUserPassword="typed-in-the-console",
        AllocatedStorage=20,
        MaxAllocatedStorage=1000,
        StorageType="gp2",
        StorageEncrypted=False,
        DBSubnetGroupName=f"default-{vpc}",
        VpcSecurityGroupIds=[group],
        PubliclyAccessible=True,
        BackupRetentionPeriod=1,
        MultiAZ=False,
        AutoMinorVersionUpgrade=True,
        CopyTagsToSnapshot=True,
    )
    return {
        "vpcId": vpc,
        "subnetGroupName": f"default-{vpc}",
        "subnets": [
            {"id": subnet["SubnetId"], "availabilityZone": subnet["AvailabilityZone"], "routeTableId": main_table}
            for subnet in subnets[:2]
        ],
    }


def make_job(client: Clients) -> None:
    """Create job, Spark script editor, paste the script; the console puts it into a bucket of its own."""
    iam, s3, glue = client("iam"), client("s3"), client("glue")
    trust = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="AWSGlueServiceRole-backup",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    assets = f"aws-glue-assets-123456789012-{REGION}"
    s3.create_bucket(Bucket=assets, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=assets, Key=f"scripts/{JOB}.py", Body=b"# reads, joins, writes CSV\n")
    glue.create_job(
        Name=JOB,
        Role=role,
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{assets}/scripts/{JOB}.py", "PythonVersion": "3"},
        DefaultArguments={
            "--job-language": "python",
            "--enable-metrics": "true",
            "--TempDir": f"s3://{assets}/temporary/",
        },
        GlueVersion="3.0",
        WorkerType="G.1X",
        NumberOfWorkers=10,
        MaxRetries=3,
        Timeout=2880,
    )


def make_set_up(client: Clients) -> dict[str, object]:
    """The whole set-up; the names and ids of its resources."""
    make_bucket(client)
    network = make_database(client)
    make_job(client)
    return {
        "bucketName": BUCKET,
        "imagesFolder": IMAGES,
        "backupFolder": BACKUP,
        "dbInstanceIdentifier": INSTANCE,
        "dbInstanceClass": "db.t3.micro",
        "engineVersion": "8.4.3",
        "allocatedStorageGib": 20,
        "storageEncrypted": False,
        "masterUsername": "admin",
        "webAppAddress": "203.0.113.7",
        "jobName": JOB,
        **network,
    }


if __name__ == "__main__":
    print(json.dumps(make_set_up(clients_of(sys.argv[1]))))
