"""Source text and syntax: documents, spans, edits, suppression comments."""
