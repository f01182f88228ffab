"""The handlers: one file per feature of the protocol."""
