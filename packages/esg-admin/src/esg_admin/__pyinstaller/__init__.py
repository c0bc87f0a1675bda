"""Tells PyInstaller where the hook of this package is (entry point group `pyinstaller40`)."""


def hook_directories() -> list[str]:
    """The folders that hold hooks."""
    return list(__path__)
