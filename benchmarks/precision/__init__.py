"""Precision and recall of the linter, held against real conversions."""
