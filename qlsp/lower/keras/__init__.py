"""What error messages say of Keras, per release."""
