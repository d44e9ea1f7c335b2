"""Starts moto's server, the AWS emulator, with a few of its gaps closed. Takes moto_server's own arguments."""

from __future__ import annotations

import os
from pathlib import Path

import alarm_patches  # noqa: F401
import aws_patches  # noqa: F401
import s3_policy_patches  # noqa: F401
from moto.server import main
from request_patches import ONE_AT_A_TIME
from state_file import keep_state_in

if __name__ == "__main__":
    if "EMULATOR_STATE_FILE" in os.environ:
        keep_state_in(Path(os.environ["EMULATOR_STATE_FILE"]), ONE_AT_A_TIME)
    main()
