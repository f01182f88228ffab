"""Linting many files: gates, cache and processes around the linter."""
