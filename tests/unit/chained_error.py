"""An exception with a cause, raised for real, for tests of how exceptions are shown."""


def raised(message: str) -> Exception:
    """A ValueError that came of a KeyError; both have the message."""
    try:
        try:
            raise KeyError(message)
        except KeyError as cause:
            raise ValueError(message) from cause
    except ValueError as error:
        return error
