"""Measured conversions: the data, and the program that measures them."""

from qlsp.evidence.table import Cell, Evidence, MeasuredOp, Measurement, load

__all__ = ["Cell", "Evidence", "MeasuredOp", "Measurement", "load"]
