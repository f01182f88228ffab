"""The language server: one file per feature, thin over a session."""
