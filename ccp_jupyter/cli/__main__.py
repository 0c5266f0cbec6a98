"""``python -m ccp_jupyter.cli`` is the same as ``ccp``."""

import sys

from ccp_jupyter.cli.program import main

sys.exit(main())
