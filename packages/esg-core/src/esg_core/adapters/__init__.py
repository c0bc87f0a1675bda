"""Applications of other interfaces as ASGI 3 applications: ASGI 2, and WSGI through a2wsgi."""
