"""The rules: one file each, with documentation, cases, check and fix."""
