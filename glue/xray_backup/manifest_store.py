"""The manifests of a store: the backups that were committed there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from xray_backup.data_model import DataModel
from xray_backup.errors import BackupError, UsageError, VerificationError
from xray_backup.layout import KINDS, MANIFESTS, SLOT, Kind, backup_name, manifest_key
from xray_backup.manifest import Manifest
from xray_backup.store import Store

_MANIFEST_KEY = re.compile(rf"{re.escape(MANIFESTS)}(?P<name>(?:{'|'.join(KINDS)})-{SLOT})\.json")
# Told of a manifest that cannot be read: its name, and what is wrong.
OnDamage = Callable[[str, VerificationError], None]


def commit_manifest(store: Store, manifest: Manifest) -> None:
    """Makes the files a backup, unless the slot already has one.

    Raises:
        BackupError: another run committed this slot first; its backup stands.
    """
    if store.create(manifest_key(manifest.name), manifest.to_json()) is None:
        raise BackupError(f"{manifest.name} was committed by another run; it stands, and this run's files are not used")


def load_manifest(store: Store, name: str, model: DataModel) -> Manifest:
    """The manifest of backup `name`; `latest` is the newest snapshot.

    Raises:
        UsageError: there is no such backup, or it is of another data model.
    """
    if name == "latest":
        snapshots = [manifest for manifest in load_manifests(store, _newest_unknown) if manifest.kind == "snapshot"]
        if not snapshots:
            raise UsageError(f"there is no snapshot in {store.url}: run `backup` first")
        manifest = max(snapshots, key=lambda manifest: manifest.started_at)
    else:
        content = store.read(manifest_key(name))
        if content is None:
            raise UsageError(f"there is no backup {name!r} in {store.url}: `list` shows what there is")
        manifest = Manifest.from_json(content.body, name)
    check_model(manifest, model)
    return manifest


def _newest_unknown(name: str, error: VerificationError) -> None:
    if name.startswith("snapshot-"):
        raise VerificationError(f"{error}, so which snapshot is the newest cannot be told: name one") from None


def check_model(manifest: Manifest, model: DataModel) -> None:
    """Raises UsageError where the backup is of another data model than `model`."""
    if manifest.data_model != model.digest:
        raise UsageError(
            f"{manifest.name} is of another data model ({manifest.data_model}, this package has {model.digest}): "
            "use the version of the package that wrote it"
        )


def find_manifest(store: Store, kind: Kind, slot: str) -> Manifest | None:
    """The committed backup of a slot, if there is one."""
    name = backup_name(kind, slot)
    content = store.read(manifest_key(name))
    return Manifest.from_json(content.body, name) if content else None


def load_manifests(store: Store, on_damage: OnDamage | None = None) -> Iterator[Manifest]:
    """Every committed backup, by name; what else lies beside them, such as a folder marker, is not ours.

    Args:
        store: where.
        on_damage: told of each manifest that is damaged, which is left out (default: the first one ends it).

    Raises:
        VerificationError: a manifest is damaged, and nobody is to be told.
    """
    for item in store.list(MANIFESTS):
        found = _MANIFEST_KEY.fullmatch(item.key)
        content = store.read(item.key) if found else None
        if found is None or content is None:
            continue
        try:
            yield Manifest.from_json(content.body, found["name"])
        except VerificationError as error:
            if on_damage is None:
                raise
            on_damage(found["name"], error)
