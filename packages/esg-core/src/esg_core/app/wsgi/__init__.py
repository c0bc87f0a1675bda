"""WSGI applications (PEP 3333) as ASGI ones: each request runs in a thread of a pool (rules I-1 to I-6)."""
