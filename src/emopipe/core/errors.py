"""Expected failures. Each message is one line: what was expected, what was found, and a remedy.

EmopipeError
├── ParamsError         params.yaml or an option is not usable
├── DataError           a source, a table or an image is not usable
│   ├── NoFace          no face is detected in a photograph
│   ├── TooManyPixels   an image exceeds the limit of pixels
│   └── GateError       a critical expectation about readable data fails
├── ModelError          a network, a checkpoint or an export is not usable
└── WorkspaceError      the checkout, the cache or a store is not in the state that a command requires
"""


class EmopipeError(Exception):
    """A failure that the user can correct; its text is the whole message."""


class ParamsError(EmopipeError): ...


class DataError(EmopipeError): ...


class NoFace(DataError): ...


class TooManyPixels(DataError): ...


class GateError(DataError): ...


class ModelError(EmopipeError): ...


class WorkspaceError(EmopipeError): ...
