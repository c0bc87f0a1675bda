"""Mutation testing: changes a module in one place at a time, and checks whether its tests notice.

Knows nothing of what the modules do. `targets` names modules and the tests that judge them, `changes` and `patterns`
say what is changed, `running` runs the tests, `equivalent` knows the changes that cannot be noticed.
"""
