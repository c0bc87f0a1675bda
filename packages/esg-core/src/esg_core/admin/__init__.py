"""The admin address: sockets, and what may be asked and done there; what is said on it is the package `esg-admin`'s."""
