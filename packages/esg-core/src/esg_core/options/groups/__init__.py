"""The declarations of options, by subject: each module holds one dataclass, a part of `ServerOptions`.

Nothing here acts: a field's annotation says what is allowed, `option()` says the default and what it means.
"""
