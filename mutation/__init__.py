"""Mutation testing: changes a module in one place at a time, and asks its tests whether they notice.

Knows nothing of what the modules do. `targets` names modules and the tests that judge them, `changes` and `patterns`
say what is changed, `running` asks the tests, `equivalent` knows the changes that nobody can notice.
"""
