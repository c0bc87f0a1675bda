"""One UDP port, served by several workers."""
