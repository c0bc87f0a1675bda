"""One call of the application: its scope, its messages, its response. The same for every version of HTTP."""
