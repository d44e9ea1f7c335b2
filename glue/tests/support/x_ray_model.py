"""The X-ray model, among others."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.lab import ddl_statements
from tests.support.mysql_server import MySqlServer
from tests.support.workload import Model


class XRay(Model):
    """Three tables with integer keys."""

    name = "x-ray"
    policies = "transaction.time"
    number = "transaction_id"
    child = "pred_bounding_box"
    changed = "pred_cs = 0.999"

    def create(self, server: MySqlServer, schema: str) -> None:
        """Makes the schema."""
        server.make_schema(schema, ddl_statements())

    def fill(self, numbers: str) -> Sequence[str]:
        """Transactions with an image and two boxes each."""
        return (
            f"INSERT INTO image {numbers} SELECT i, 'lake', 'xray-images', CONCAT('img_', i) FROM n",
            f"INSERT INTO `transaction` {numbers}"
            " SELECT i, i, '2022-05-24 11:08:23' + INTERVAL i SECOND, 0.3, 0.5 FROM n",
            *(
                f"INSERT INTO pred_bounding_box {numbers} SELECT 2 * i - {odd}, i, i % 14, i * 13 % 900 / 1000,"
                " i % 2000, i % 1000, i % 2000 + 50, i % 1000 + 70 FROM n"
                for odd in (1, 0)
            ),
        )
