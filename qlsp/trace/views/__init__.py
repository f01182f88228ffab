"""A layer graph for people and programs: text, JSON data and SVG."""
