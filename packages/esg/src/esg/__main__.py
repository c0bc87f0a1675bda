"""The command `esg`, also as `python -m esg`."""

from esg_cli.command import main

if __name__ == "__main__":
    main()
