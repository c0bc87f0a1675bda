"""For programs of which the imports and the time count: coverage, where it is measured, leaves them out."""

import os

VARIABLES = {"COVERAGE_PROCESS_CONFIG": ""}
ENVIRONMENT = {**os.environ, **VARIABLES}
