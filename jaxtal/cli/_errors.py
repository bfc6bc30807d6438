"""The error that the command line reports in one line."""


class BadInputError(Exception):
    """Something the user asked for can't be done; the message is one line."""
