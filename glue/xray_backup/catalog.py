"""The committed backups as Athena reads them: a line of each manifest, in a folder whose name has no underscore.

Athena reads no location with a leading underscore, as the manifests' folder has.
https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html
"""

from __future__ import annotations

import json

from xray_backup.errors import BackupError
from xray_backup.layout import CATALOG, catalog_key
from xray_backup.manifest_store import committed_names, load_manifest
from xray_backup.run import Run

_FIELDS = ("kind", "slot", "run_id", "cutoff", "verified_at")


def complete_catalog(run: Run) -> None:
    """Adds the line of each backup that has none: the new one, and those of earlier versions or of a killed run.

    A line that cannot be added is told of and left to the next run: the backup itself stands.
    """
    try:
        listed = {item.key for item in run.store.list(CATALOG)}
        names = [name for name in committed_names(run.store) if catalog_key(name) not in listed]
    except BackupError as error:
        run.events("catalog_incomplete", problem=str(error))
        return
    for name in names:
        try:
            manifest = load_manifest(run.store, name)
            line = json.dumps({field: getattr(manifest, field) for field in _FIELDS})
            run.store.create(catalog_key(name), f"{line}\n".encode())
        except BackupError as error:
            run.events("catalog_incomplete", backup=name, problem=str(error))
