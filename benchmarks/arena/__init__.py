"""ESG beside its peers in the profiles of the public benchmark HttpArena that need no database."""
