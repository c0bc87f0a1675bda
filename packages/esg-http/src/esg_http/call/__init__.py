"""One call of the application: its scope, its messages, its response; the same for every version of HTTP."""
