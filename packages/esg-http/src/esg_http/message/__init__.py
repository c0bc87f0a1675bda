"""The grammar of HTTP messages and the bytes of a response head."""
