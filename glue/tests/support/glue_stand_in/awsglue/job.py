import sys
from typing import Any


class Job:
    def __init__(self, context: Any) -> None:
        self.context = context

    def init(self, name: str, arguments: dict[str, str]) -> None:
        assert arguments["JOB_NAME"] == name
        print(f"job.init {name}", file=sys.stderr)

    def commit(self) -> None:
        print("job.commit", file=sys.stderr)
