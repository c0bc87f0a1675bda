"""The documentation site: how it is built, and whether its links hold. Knows files and HTML, and nothing of ESG."""
