"""Reserved for restarting a command when files change: this version restarts nothing.

Will know files and processes only. It must not know any other package of the family.
"""

__version__ = "0.1.0"
