"""Rules about the settings of converters (QL3xx)."""
