"""``python -m raftlock`` is the `raftlock` command."""

import sys

from raftlock.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
