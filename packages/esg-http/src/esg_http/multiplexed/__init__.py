"""What the versions with many streams on one connection share: HTTP/2 and HTTP/3.

Knows neither of them: frames, codes and windows are the versions' own.
"""
