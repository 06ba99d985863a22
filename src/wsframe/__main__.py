"""`python -m wsframe`: the same as `wsframe`."""

import sys

from .cli import main

sys.exit(main())
