"""`python -m midcall`: the command line."""

from midcall.cli import main

main()
