"""`python -m cgrad`: the command line."""

import sys

from cgrad.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
