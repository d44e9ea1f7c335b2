"""mysqldump, mydumper, the mysql client and pt-archiver: Debian's packages, unpacked into a folder, not installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PACKAGES = (
    "mariadb-client", "mariadb-client-core", "libmariadb3", "percona-toolkit", "libdbi-perl", "libdbd-mysql-perl",
    "libterm-readkey-perl", "mydumper", "libglib2.0-0", "libpcre3",
)  # fmt: skip


class DebianTools:
    """Command lines of the tools, and the environment they need."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        if not all((self.root / "usr" / "bin" / name).exists() for name in ("pt-archiver", "myloader")):
            self._unpack(folder / "packages")
        libraries = self.root / "usr" / "lib" / "x86_64-linux-gnu"
        perl = [*sorted((libraries / "perl5").glob("*")), self.root / "usr" / "share" / "perl5"]
        self.environment = os.environ | {
            "LD_LIBRARY_PATH": os.pathsep.join([str(libraries), str(self.root / "lib" / "x86_64-linux-gnu")]),
            # MySQL's own way of signing in is a plugin of the client library.
            "MARIADB_PLUGIN_DIR": str(libraries / "libmariadb3" / "plugin"),
            "PERL5LIB": os.pathsep.join(map(str, perl)),
        }

    def _unpack(self, packages: Path) -> None:
        packages.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "download", "-qq", *PACKAGES], cwd=packages, check=True)
        for package in sorted(packages.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, self.root], check=True)

    def command(self, name: str) -> str:
        """Path of one tool."""
        return str(self.root / "usr" / "bin" / name)
