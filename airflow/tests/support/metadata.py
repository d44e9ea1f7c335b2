"""A MySQL with some rows, until standard input ends; tells its log-in as JSON. Run by the Glue jobs' own Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "glue"))

from tests.support.lab import Lab
from tests.support.mysql_server import start_server
from xray_backup.store import FolderStore

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    server = start_server(folder)
    lab = Lab(server, FolderStore(folder), f"x_ray_{server.port}").create_schema()
    lab.fill(40)
    secret = lab.database().secret
    print(json.dumps({"host": secret.host, "port": secret.port, "username": secret.username,
                      "password": secret.password, "dbname": secret.dbname}), flush=True)  # fmt: skip
    for line in sys.stdin:
        print(json.dumps(lab.sql(line)), flush=True)
    lab.drop_schema()
    server.stop()
