"""Runs public test suites against ESG, and keeps what they say in docs/proof/suites.json."""
