"""Which requests may run: admission, the adaptive limit, and health."""
