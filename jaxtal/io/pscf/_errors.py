"""What is wrong with a field file where another call would do."""


class FieldFileError(ValueError):
    """A field file that cannot be read as asked, but could be otherwise.

    Attributes:
        reason: file, line and what is wrong.
        advice: the arguments or functions of `jaxtal.io` that would do.
    """

    def __init__(self, reason: str, advice: str):
        """The message is the reason, then the advice."""
        super().__init__(f"{reason}; {advice}")
        self.reason = reason
        self.advice = advice

    def __reduce__(self):
        return type(self), (self.reason,)


class FieldGroupError(FieldFileError):
    """A file names no group, or one that no table knows."""

    def __init__(self, reason: str):
        """See `FieldFileError`."""
        super().__init__(reason, "pass group=...")


class FieldMeshError(FieldFileError):
    """The rows of a `.bf` file are not those of a mesh."""

    def __init__(self, reason: str):
        """See `FieldFileError`."""
        super().__init__(reason, "resample_bf reads it")
