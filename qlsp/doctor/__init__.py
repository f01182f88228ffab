"""What keeps a frozen TensorFlow 1 graph from becoming an 8-bit model, and how to mend it."""
