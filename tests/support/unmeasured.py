"""For programs whose imports and time are measured: coverage leaves them out."""

import os

VARIABLES = {"COVERAGE_PROCESS_CONFIG": ""}
ENVIRONMENT = {**os.environ, **VARIABLES}
