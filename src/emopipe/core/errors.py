"""Expected failures. Each message is one line: what was expected, what was found, and a remedy.

EmopipeError
├── ParamsError         params.yaml or an option is not usable
├── DataError           a source, a table or an image is not usable
│   ├── NoFace          no face is detected in a photograph
│   └── TooManyPixels   an image exceeds the limit of pixels
├── GateError           a gate of the pipeline stops it: the validation of the data, or the parity of the export
├── ModelError          a network, a checkpoint or an export is not usable
└── WorkspaceError      the checkout, the cache or a store is not in the state that a command requires
"""

from collections.abc import Mapping


class EmopipeError(Exception):
    """A failure that the user can correct; its text is the whole message."""


class ParamsError(EmopipeError): ...


class DataError(EmopipeError): ...


class NoFace(DataError): ...


class TooManyPixels(DataError): ...


class GateError(EmopipeError):
    """`evidence`: the report and the page of the gate, file contents by path."""

    def __init__(self, message: str, evidence: Mapping[str, bytes]) -> None:
        super().__init__(message)
        self.evidence = evidence


class ModelError(EmopipeError): ...


class WorkspaceError(EmopipeError): ...
