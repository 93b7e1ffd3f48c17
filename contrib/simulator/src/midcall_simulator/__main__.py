"""`python -m midcall_simulator` is the `midcall-simulator` command."""

from __future__ import annotations

import sys

from midcall_simulator.command import main

sys.exit(main())
