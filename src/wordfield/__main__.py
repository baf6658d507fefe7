"""``python -m wordfield``: the same as the command ``wordfield``."""

from __future__ import annotations

import sys

from wordfield.cli import main

if __name__ == "__main__":
    sys.exit(main())
