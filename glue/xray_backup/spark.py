"""The Spark session: settings every session needs, a session for a laptop, and Spark's errors in one line."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from xray_backup.errors import BackupError, VerificationError

PACKAGES = ("com.mysql:mysql-connector-j:9.6.0", "org.apache.hadoop:hadoop-aws:3.3.4")
SPARK_ERRORS = (Py4JJavaError, PySparkException)
_REPOSITORY = Path(__file__).resolve().parents[2]


def configure(spark: SparkSession) -> SparkSession:
    """Sets what the backup's numbers depend on; works on a running session, so also on the one that Glue gives."""
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
        "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    }
    for name, value in settings.items():
        spark.conf.set(name, value)
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    hadoop.set("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
    # Markers are left alone, so the job's role needs no right to delete outside Spark's scratch folder.
    hadoop.set("fs.s3a.directory.marker.retention", "keep")
    return spark


def laptop_session(endpoint_url: str | None = None, cores: str = "*") -> SparkSession:
    """A Spark session inside this process, with the pinned jars from the repository's `.local/ivy`."""
    scratch = os.environ.get("SPARK_LOCAL_DIRS") or tempfile.gettempdir()
    builder = (
        # Four tries of a task: the database may restart while it is read.
        SparkSession.builder.master(f"local[{cores},4]")
        .appName("xray_backup")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", os.environ.get("XRAY_BACKUP_DRIVER_MEMORY", "1g"))
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.hadoop.hadoop.tmp.dir", f"{scratch}/hadoop")
        .config("spark.hadoop.fs.s3a.aws.credentials.provider", "com.amazonaws.auth.DefaultAWSCredentialsProviderChain")
    )
    if "GC" not in os.environ.get("JAVA_TOOL_OPTIONS", ""):
        # A run is short and all throughput: a quarter faster than with Java's default on two cores. Java refuses two.
        builder = builder.config("spark.driver.extraJavaOptions", "-XX:+UseParallelGC")
    for name, value in _jars().items():
        builder = builder.config(name, value)
    if endpoint_url:
        builder = builder.config("spark.hadoop.fs.s3a.endpoint", endpoint_url).config(
            "spark.hadoop.fs.s3a.path.style.access", "true"
        )
        if endpoint_url.startswith("http://"):
            builder = builder.config("spark.hadoop.fs.s3a.connection.ssl.enabled", "false")
    log = Path(scratch) / "xray_backup-spark.log"
    try:
        with _output_in(log):
            spark = builder.getOrCreate()
            _note_jars(spark)
    except Exception as error:
        raise BackupError(f"Spark did not start ({type(error).__name__}): see {log}; it needs Java 17") from None
    return configure(spark)


def _jars() -> dict[str, str]:
    """The settings that bring the pinned packages: fetched with all they need once, then taken from where they are.

    To look for them anew, and to copy them into each session, takes Spark longer than to start.
    """
    note = _jars_note()
    if note is None:
        return {"spark.jars.packages": ",".join(PACKAGES)}
    files = note.read_text().split("\n") if note.exists() else []
    if files and all(Path(file).exists() for file in files):
        return {"spark.driver.extraClassPath": os.pathsep.join(files)}
    return {"spark.jars.packages": ",".join(PACKAGES), "spark.jars.ivy": str(note.parent)}


def _note_jars(spark: SparkSession) -> None:
    """Notes which files Spark found; it has started with them, so none is half there."""
    note, found = _jars_note(), spark.conf.get("spark.jars", "")
    if note and found:
        note.write_text("\n".join(url.removeprefix("file://") for url in found.split(",")))


def _jars_note() -> Path | None:
    if not (_REPOSITORY / "package.json").exists():
        return None
    versions = "+".join(package.split(":", 1)[1].replace(":", "-") for package in PACKAGES)
    return _REPOSITORY / ".local" / "ivy" / f"{versions}.txt"


@contextmanager
def _output_in(log: Path) -> Iterator[None]:
    """Sends what the Java process and its package resolver will write to a file: the terminal is for our own lines."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [(number, os.dup(number)) for number in (1, 2)]
    with log.open("wb") as file:
        for number, _ in kept:
            os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)


def write_trust_store(spark: SparkSession, certificates: Path, target: Path, password: str) -> None:
    """Puts PEM certificates into a PKCS12 trust store, the one form that MySQL's Java driver reads."""
    jvm: Any = spark.sparkContext._jvm
    source = jvm.java.io.FileInputStream(str(certificates))
    found = jvm.java.security.cert.CertificateFactory.getInstance("X.509").generateCertificates(source)
    source.close()
    key_store = jvm.java.security.KeyStore.getInstance("PKCS12")
    secret = spark.sparkContext._gateway.new_array(jvm.char, len(password))  # type: ignore[union-attr]
    for position, letter in enumerate(password):
        secret[position] = letter
    key_store.load(None, secret)
    for position, certificate in enumerate(found):
        key_store.setCertificateEntry(f"ca-{position}", certificate)
    output = jvm.java.io.FileOutputStream(str(target))
    key_store.store(output, secret)
    output.close()


# What to look for in the names and texts of a Java error's causes, and what it means to a person.
_DAMAGE = {
    "ChecksumException": "a file is damaged",
    "is not a Parquet file": "a file is not Parquet, or cut short",
    "ParquetDecodingException": "a file is damaged",
    "FileNotFoundException": "a file is missing",
}
_FAILURES = {
    "AccessDeniedException": "access to the store was denied",
    "UnknownStoreException": "the bucket does not exist",
    "AWSClientIOException": "the store does not answer as it should",
    "AWSServiceIOException": "the store does not answer as it should",
    "AWSStatus500Exception": "the store does not answer as it should",
    "No space left on device": "the disk is full",
    "CommunicationsException": "the connection to MySQL broke",
    "CJException": "the connection to MySQL broke",
    "SSLHandshakeException": "TLS with MySQL failed: check --ssl_mode and --ssl_ca",
    "Access denied for user": "MySQL refused the user",
    "command denied to user": "the user lacks a privilege that this command needs",
}


def explained(error: Exception, step: str) -> BackupError:
    """A Spark error in one line; of the error's own text nothing is shown, since it may quote a row's values."""
    names, text = _causes(error)
    for reasons, kind in ((_DAMAGE, VerificationError), (_FAILURES, BackupError)):
        for mark, words in reasons.items():
            if mark in text or any(mark in name for name in names):
                return kind(f"{step}: {words} ({names[-1]}); nothing was committed, the run can be repeated safely")
    return BackupError(f"{step}: failed ({names[-1]}); nothing was committed, the run can be repeated safely")


def _causes(error: Exception) -> tuple[list[str], str]:
    if not isinstance(error, Py4JJavaError):
        return [type(error).__name__], str(error)
    names: list[str] = []
    texts: list[str] = []
    cause = error.java_exception
    while cause is not None and len(names) < 20:
        names.append(cause.getClass().getSimpleName())
        texts.append(str(cause.getMessage()))
        cause = cause.getCause()
    return names, " ".join(texts)
