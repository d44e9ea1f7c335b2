"""The AWS of the stack's jobs, on this machine: a bucket with versions, secrets, roles whose rights are enforced,
and a MySQL server that refuses whoever comes without TLS, with an authority of the tests' own."""

from __future__ import annotations

import json
import secrets
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.glue_runtime.job import TWO_WORKERS, JobRun, glue_arguments, run_glue_job
from tests.glue_runtime.runtime import GlueRuntime
from tests.glue_runtime.synthesized import ASSETS, Resources, SynthesizedStack
from tests.support.certificates import Authority
from tests.support.lab import TABLES, Emulator, Lab
from tests.support.mysql_server import MySqlServer
from tests.support.purge_user import RIGHTS, grant
from xray_backup.manifest import Manifest
from xray_backup.store import S3Store

# The server's certificate names this alone.
HOST = "localhost"
REGION = "eu-central-1"
AUTHORITIES = "xray_backup/rds-ca-bundle.pem"
# As the schema's stack grants them.
RIGHTS_OF = {
    "xray_backup": {"`{schema}`.*": "SELECT, SHOW VIEW"},
    "xray_purge": RIGHTS,
    "xray_restore": {"`{schema}`.*": "SELECT, INSERT"},
    "xray_erase": {**{f"`{{schema}}`.`{table}`": "SELECT, DELETE, TRIGGER" for table in TABLES}, "*.*": "REFERENCES"},
}
USERS = {"Backup": "xray_backup", "Purge": "xray_purge", "Restore": "xray_restore", "Erase": "xray_erase"}


class GlueRig:
    """Servers for the jobs; `lake` makes what one test works on."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self.certificates = Authority(folder / "certificates").sign(HOST)
        self.server = MySqlServer(folder / "mysql", "--skip-log-bin", *self.certificates.server_options)
        self.server.initialize()
        self.server.start()
        self.emulator = Emulator(log)
        self.stack = SynthesizedStack(folder)
        self.package = self._package()
        self.admin = self._administrator()
        self._enforce_iam()

    def close(self) -> None:
        self.emulator.stop()
        self.server.stop()

    def client(self, service: str) -> Any:
        return boto3.Session(**self.admin, region_name=REGION).client(service, endpoint_url=self.emulator.url)  # type: ignore[call-overload]

    def _package(self) -> Path:
        """The job zip as the build makes it, except that it holds the tests' authority in the place of RDS's."""
        package = self.folder / "xray_backup.zip"
        with zipfile.ZipFile(ASSETS / "xray_backup.zip") as built, zipfile.ZipFile(package, "w") as adapted:
            for entry in built.infolist():
                authority = entry.filename == AUTHORITIES
                adapted.writestr(entry, self.certificates.authority.read_bytes() if authority else built.read(entry))
        return package

    def _administrator(self) -> dict[str, Any]:
        iam = self.emulator.client("iam")
        iam.create_user(UserName="administrator")
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        iam.put_user_policy(
            UserName="administrator",
            PolicyName="everything",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
        )
        key = iam.create_access_key(UserName="administrator")["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def _enforce_iam(self) -> None:
        request = urllib.request.Request(
            f"{self.emulator.url}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}
        )  # fmt: skip
        urllib.request.urlopen(request).close()

    @contextmanager
    def lake(self) -> Iterator[GlueLake]:
        """A bucket, a schema, and the jobs' users, secrets and roles for them."""
        name = uuid.uuid4().hex[:8]
        bucket = f"lake-{name}"
        s3 = self.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        lab = Lab(self.server, S3Store(bucket, "backup", self.emulator.url), f"x_ray_{name}").create_schema()
        try:
            arns = {user: self._user(lab, user, rights) for user, rights in RIGHTS_OF.items()}
            resources = Resources(bucket, arns)
            yield GlueLake(self, lab, resources, {job: self._log_in(job, name, resources) for job in USERS})
        finally:
            lab.drop_schema()

    def _user(self, lab: Lab, user: str, rights: Mapping[str, str]) -> str:
        """Makes a database user, or grants it the lab's schema, too; gives its secret's ARN."""
        password = secrets.token_urlsafe(16)
        lab.sql(f"CREATE USER IF NOT EXISTS '{user}'@'%' REQUIRE SSL")
        lab.sql(f"ALTER USER '{user}'@'%' IDENTIFIED BY '{password}'")
        grant(lab, user, rights)
        document = {
            "engine": "mysql", "host": HOST, "port": lab.server.port,
            "username": user, "password": password, "dbname": lab.schema,
        }  # fmt: skip
        secret = self.client("secretsmanager").create_secret(
            Name=f"{lab.schema}/{user}", SecretString=json.dumps(document)
        )  # fmt: skip
        return str(secret["ARN"])

    def _log_in(self, job: str, name: str, resources: Resources) -> dict[str, str]:
        """Makes the job's role with the policy that the stack gives it, and assumes it."""
        iam, role = self.client("iam"), f"{job.lower()}-{name}"
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(
            RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )["Role"]["Arn"]
        policy = self.stack.role_policy(job, resources)
        iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=json.dumps(policy))
        key = self.client("sts").assume_role(RoleArn=arn, RoleSessionName=role)["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_SESSION_TOKEN": key["SessionToken"],
        }


@dataclass(frozen=True)
class GlueLake:
    """The bucket and the schema of one test, and the jobs on them."""

    rig: GlueRig
    lab: Lab
    resources: Resources
    log_ins: Mapping[str, Mapping[str, str]]

    def run(
        self, runtime: GlueRuntime, job: str, arguments: Mapping[str, str] | None = None,
        endpoint_url: str | None = None, role_of: str | None = None, master: str = TWO_WORKERS,
    ) -> JobRun:  # fmt: skip
        """Runs a job of the stack, with `arguments` as `start-job-run` would give them."""
        folder = self.rig.folder / f"run-{uuid.uuid4().hex[:8]}"
        every = self.rig.stack.job_arguments(job, self.resources) | dict(arguments or {})
        environment = {
            **self.log_ins[role_of or job],
            # The address of AWS. No region: in Glue, too, a client's region is not what the environment says.
            "AWS_ENDPOINT_URL": endpoint_url or self.rig.emulator.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return run_glue_job(
            runtime, folder, ASSETS / f"job_{job.lower()}.py", self.rig.package,
            glue_arguments(f"local-data-lake-{job.lower()}", every), environment, master,
        )  # fmt: skip

    def manifest(self, name: str) -> Manifest:
        key = f"backup/v1/_manifests/{name}.json"
        body = self.rig.client("s3").get_object(Bucket=self.resources.bucket, Key=key)["Body"].read()
        return Manifest.from_json(body, name)

    def keys(self, prefix: str = "") -> set[str]:
        """The objects of the store below `prefix`."""
        return {
            version["Key"] for version in self._listing("Versions") if version["Key"].startswith(f"backup/v1/{prefix}")
        }

    def written_twice_or_deleted(self) -> set[str]:
        """The objects that have a noncurrent version or a delete marker."""
        noncurrent = [version for version in self._listing("Versions") if not version["IsLatest"]]
        return {version["Key"] for version in [*noncurrent, *self._listing("DeleteMarkers")]}

    def versions(self) -> dict[str, int]:
        """Number of objects, versions and delete markers the bucket has."""
        versions = self._listing("Versions")
        current = sum(version["IsLatest"] for version in versions)
        return {"objects": current, "versions": len(versions), "deleteMarkers": len(self._listing("DeleteMarkers"))}

    def _listing(self, kind: str) -> list[dict[str, Any]]:
        pages = self.rig.client("s3").get_paginator("list_object_versions").paginate(Bucket=self.resources.bucket)
        return [entry for page in pages for entry in page.get(kind, [])]
