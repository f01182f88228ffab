"""QL1xx: what keeps layers from fusing."""
