"""How a report is told: as text, as JSON."""
