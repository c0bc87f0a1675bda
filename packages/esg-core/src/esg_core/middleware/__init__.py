"""ASGI middleware that works in front of any application, under any server."""
