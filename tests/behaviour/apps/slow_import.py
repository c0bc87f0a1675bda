"""A module that takes a long time to import."""

import time

print("importing", flush=True)
time.sleep(60)
