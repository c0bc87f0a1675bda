"""The declarations of options, by subject: each module holds one dataclass, a part of `ServerOptions`.

Declarations only: a field's annotation says what is allowed, `option()` gives the default and the help text.
"""
