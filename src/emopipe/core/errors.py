"""Expected failures. Each message is one line: what was expected, what was got, what to do.

EmopipeError
├── ParamsError      params.yaml, or an option, is not usable
├── DataError        a source, a table or an image is not usable
│   ├── TooManyPixels    a picture is larger than the limit
│   └── GateError    the data are readable, but a critical expectation does not hold
├── ModelError       a network, a checkpoint or an export is not usable
└── WorkspaceError   the checkout, the cache or a store is not in the state that a command needs
"""


class EmopipeError(Exception):
    """Any failure that a user can act on; its text is the whole message."""


class ParamsError(EmopipeError):
    """params.yaml, or an option, is not usable."""


class DataError(EmopipeError):
    """A source, a table or an image is not usable."""


class NoFace(DataError):
    """A photograph shows no face."""


class TooManyPixels(DataError):
    """A picture is larger than the limit."""


class GateError(DataError):
    """A critical expectation about readable data does not hold."""


class ModelError(EmopipeError):
    """A network, a checkpoint or an export is not usable."""


class WorkspaceError(EmopipeError):
    """The checkout, the cache or a store is not in the state that a command needs."""
