"""A module that takes long to import."""

import time

print("importing", flush=True)
time.sleep(60)
