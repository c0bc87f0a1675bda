"""Says how to install missing packages, wherever ESG itself was installed from."""


def how_to_install(package: str) -> str:
    """The command that installs a package; ESG's own are on no public index, so from a clone or from wheels."""
    if not package.startswith("esg"):
        return f"pip install {package}"
    from_wheels = f"pip install --find-links DIST {package}"
    return f"pip install ./packages/{package} in a clone of ESG, {from_wheels} with its wheels in DIST"
