"""``python -m eigenscope`` is the same as the command ``eigenscope``."""

import sys

from .cli import main

sys.exit(main())
