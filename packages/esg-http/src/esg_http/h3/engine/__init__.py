"""Frames to requests and back: the rules of one connection, without its transport."""
