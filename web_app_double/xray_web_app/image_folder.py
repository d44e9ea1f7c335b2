"""The app's calls to the bucket."""

from __future__ import annotations

import io

import boto3

from xray_web_app.settings import Settings


class ImageFolder:
    """The folder of the images, as the app lists it and writes into it."""

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.data_lake["root_bucket"]
        self.folder = settings.data_lake["xray_images_bucket"]
        self._s3 = boto3.Session(**settings.aws_session).resource("s3")

    def list(self, prefix: str | None = None) -> set[str]:
        """File names in the folder; the folder marker, whose name is empty, is none.

        Args:
            prefix: the app lists the whole folder, which is the default.
        """
        found = self._s3.Bucket(self.bucket).objects.filter(Prefix=prefix or self.folder)
        return {name for name in (entry.key.split("/")[1] for entry in found) if name != ""}

    def put(self, image_file: str, content: bytes) -> None:
        """Uploads an image, in parts where it is large."""
        self._s3.meta.client.upload_fileobj(io.BytesIO(content), self.bucket, f"{self.folder}/{image_file}")
