"""The part of verify that runs in the user's interpreter.

Python 3.7 and later, the standard library and that interpreter's own TensorFlow (1.15 to 2.21)
only. Nothing here imports the rest of qlsp, which is not installed there: the folder is loaded
by path, under the name `qlsp_runner`.
"""
