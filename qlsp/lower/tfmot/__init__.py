"""What tfmot's `quantize_model` does to a model, from tables read out of its releases."""
