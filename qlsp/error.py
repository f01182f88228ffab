"""The error that a person can act on."""


class QlspError(Exception):
    """Wrong input or surroundings, told in one line; the command line exits with 2 on it."""
