"""`python -m midcall`: the command line."""

from midcall.cli import main

if __name__ == "__main__":
    main()
