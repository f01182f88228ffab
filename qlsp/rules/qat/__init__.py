"""QL2xx: what `quantize_model` refuses or leaves in float."""
