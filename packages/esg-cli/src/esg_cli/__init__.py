"""The command line of the ESG web server: `esg_cli.command.main` is the command `esg`.

Knows esg_core and click, but neither protocols nor sockets.
"""

__version__ = "0.2.0"
