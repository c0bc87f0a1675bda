"""The admin address in a terminal: `esg top` and `esg ctl`, clients of the HTTP API that scripts and the page use."""
