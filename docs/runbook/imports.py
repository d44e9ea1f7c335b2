"""Import blocks for what holds data in a stack, or holds the database in its place, where Terraform's state is lost.

Usage: python3 imports.py STACK_FOLDER BUCKET BACKUP_BUCKET DATABASE > STACK_FOLDER/imports.tf. Asks AWS by the AWS CLI, and changes nothing.
"""

import json
import pathlib
import re
import subprocess
import sys


def aws(*command):
    done = subprocess.run(["aws", *command, "--output", "json"], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


folder, bucket, backups, database = sys.argv[1:]
(instance,) = aws("rds", "describe-db-instances", "--db-instance-identifier", database)["DBInstances"]
group = instance["DBSubnetGroup"]
subnets = sorted(group["Subnets"], key=lambda subnet: subnet["SubnetAvailabilityZone"]["Name"])
key = instance["KmsKeyId"].rpartition("/")[2]
secrets = aws("secretsmanager", "list-secrets")["SecretList"]

# What the address must match, and the id; the first that matches counts.
IDS = [
    (r"aws_kms_key(_policy)?\.", key),
    (r"aws_s3_bucket(_\w+)?\.Bucket_", bucket),
    (r"aws_s3_bucket(_\w+)?\.Backups_", backups),
    (r"aws_db_instance\.", database),
    (r"aws_db_subnet_group\.", group["DBSubnetGroupName"]),
    (r"aws_db_parameter_group\.", instance["DBParameterGroups"][0]["DBParameterGroupName"]),
    (r"aws_security_group\.Database_SecurityGroup", instance["VpcSecurityGroups"][0]["VpcSecurityGroupId"]),
    (r"aws_vpc\.", group["VpcId"]),
    *((rf"aws_subnet\.\w*PrivateSubnet{n}_", subnet["SubnetIdentifier"]) for n, subnet in enumerate(subnets, 1)),
    *(
        (rf"aws_secretsmanager_secret\.\w*_{match[1]}-secret", secret["ARN"])
        for secret in secrets
        if (match := re.search(r"/(\w+)-[^/]*$", secret["Name"])) and secret["Name"].startswith(f"{database}/")
    ),
]
stack = json.loads(pathlib.Path(folder, "cdk.tf.json").read_text())
for kind, resources in stack["resource"].items():
    for name in resources:
        address = f"{kind}.{name}"
        found = next((id_ for pattern, id_ in IDS if re.match(pattern, address)), None)
        if found is not None:
            print(f'import {{\n  to = {address}\n  id = "{found}"\n}}')
