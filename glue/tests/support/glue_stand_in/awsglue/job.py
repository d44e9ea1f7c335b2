import sys
from typing import Any


class Job:
    def __init__(self, context: Any) -> None:
        self.context = context

    def init(self, name: str) -> None:
        print(f"job.init {name}", file=sys.stderr)

    def commit(self) -> None:
        print("job.commit", file=sys.stderr)
