"""`python -m benchmarks`, which is what `make bench` runs."""

import sys

from benchmarks.laptop import main

sys.exit(main())
