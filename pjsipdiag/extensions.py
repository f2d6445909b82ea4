"""Whether the compiled parts are used: `PJSIPDIAG_NO_EXTENSIONS=1` in the environment turns them all off.

The result is the same with and without them; where they were not built, Python alone does the work.
"""

import os

WANTED = not os.environ.get("PJSIPDIAG_NO_EXTENSIONS")
