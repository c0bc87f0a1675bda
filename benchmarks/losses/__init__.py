"""Counts what clients lose while a server of several processes is restarted, upgraded, recycled and killed."""
