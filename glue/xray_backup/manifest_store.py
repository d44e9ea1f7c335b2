"""The manifests of a store: the backups that were committed there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from xray_backup.errors import BackupError, NewerFormatError, UsageError, VerificationError
from xray_backup.layout import KINDS, MANIFESTS, SLOT, Kind, backup_name, manifest_key
from xray_backup.manifest import Manifest
from xray_backup.store import Store

_MANIFEST_KEY = re.compile(rf"{re.escape(MANIFESTS)}(?P<name>(?:{'|'.join(KINDS)})-{SLOT})\.json")
# Told of a manifest that cannot be read: its name, and what is wrong.
OnDamage = Callable[[str, VerificationError | NewerFormatError], None]


@dataclass(frozen=True)
class Origin:
    """The schema that a backup is of, and its server, as it names itself."""

    schema: str
    server: str


def commit_manifest(store: Store, manifest: Manifest) -> None:
    """Makes the files a backup, unless the slot already has one.

    Raises:
        BackupError: another run committed this slot first; its backup stands.
    """
    if store.create(manifest_key(manifest.name), manifest.to_json()) is None:
        raise BackupError(f"{manifest.name} was committed by another run; it stands, and this run's files are not used")


def load_manifest(store: Store, name: str, origin: Origin | None = None) -> Manifest:
    """The manifest of backup `name`; `latest` is the newest snapshot.

    Args:
        store: where.
        name: as `list` shows it, or `latest`.
        origin: of the database that `latest` is wanted of, where a store holds snapshots of several.

    Raises:
        UsageError: there is no such backup, or it is of another data model, and which columns it has cannot be told.
    """
    if name == "latest":
        manifest = _latest(store, origin)
    else:
        content = store.read(manifest_key(name))
        if content is None:
            raise UsageError(f"there is no backup {name!r} in {store.url}: `list` shows what there is")
        manifest = Manifest.from_json(content.body, name)
    return manifest


def _latest(store: Store, origin: Origin | None) -> Manifest:
    snapshots = [manifest for manifest in load_manifests(store, _newest_unknown) if manifest.kind == "snapshot"]
    if not snapshots:
        raise UsageError(f"there is no snapshot in {store.url}: run `backup` first")
    schemas = sorted({manifest.schema for manifest in snapshots})
    if origin and len(schemas) > 1:
        snapshots = [manifest for manifest in snapshots if manifest.schema == origin.schema]
        if not snapshots:
            raise UsageError(
                f"latest: {store.url} holds snapshots of the schemas {', '.join(schemas)} and none of {origin.schema}:"
                " name one"
            )
    # A server that was made anew is none of them: its own is the newest then.
    own = [manifest for manifest in snapshots if origin and manifest.server == origin.server]
    return max(own or snapshots, key=lambda manifest: manifest.started_at)


def _newest_unknown(name: str, error: VerificationError | NewerFormatError) -> None:
    if name.startswith("snapshot-"):
        raise type(error)(f"{error}, so which snapshot is the newest cannot be told: name one") from None


def find_manifest(store: Store, kind: Kind, slot: str) -> Manifest | None:
    """The committed backup of a slot, if there is one."""
    name = backup_name(kind, slot)
    content = store.read(manifest_key(name))
    return Manifest.from_json(content.body, name) if content else None


def load_manifests(store: Store, on_damage: OnDamage | None = None) -> Iterator[Manifest]:
    """Every committed backup, by name; what else lies beside them, such as a folder marker, is not ours.

    Args:
        store: where.
        on_damage: told of each manifest that is damaged, or of a newer format, and left out (default: the first one
            ends it).

    Raises:
        VerificationError: a manifest is damaged, and nobody is to be told.
        NewerFormatError: the same of a newer format.
    """
    for name in committed_names(store):
        content = store.read(manifest_key(name))
        if content is None:
            continue
        try:
            yield Manifest.from_json(content.body, name)
        except (VerificationError, NewerFormatError) as error:
            if on_damage is None:
                raise
            on_damage(name, error)


def committed_names(store: Store) -> Iterator[str]:
    """The name of every committed backup, in order."""
    for item in store.list(MANIFESTS):
        if name := manifest_name(item.key):
            yield name


def manifest_name(key: str) -> str | None:
    """The name of the backup whose manifest has this key; None where it is another object's."""
    found = _MANIFEST_KEY.fullmatch(key)
    return found["name"] if found else None
