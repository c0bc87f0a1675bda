"""Says how to install what is missing, wherever ESG itself was installed from."""

from esg_core import __version__


def how_to_install(package: str) -> str:
    """The command for a package; for one of ESG's, which no public index has, from a clone and from wheels."""
    if not package.startswith("esg"):
        return f"pip install {package}"
    from_wheels = f"pip install --find-links DIST {package}=={__version__}"
    return f"pip install ./packages/{package} in a clone of ESG, {from_wheels} with its wheels in DIST"
