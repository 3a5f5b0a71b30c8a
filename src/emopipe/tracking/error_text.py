"""What an error of MLflow says, as a part of one line that holds no password."""

import re

ADVICE = {
    401: "the server does not accept this user: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    403: "the server does not let this user do that: ask for the permission MANAGE",
}
"""By HTTP status, instead of a text that names a page of MLflow's documentation, or nothing."""
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
LENGTH = 200


def error_text(error: BaseException) -> str:
    """At most 200 characters."""
    return ADVICE.get(_status(error)) or without_password(" ".join(str(error).split()))[:LENGTH]


def without_password(text: str) -> str:
    """`text` without what stands before the host in the addresses that it names."""
    return CREDENTIALS.sub("", text)


def _status(error: BaseException) -> int:
    """The HTTP status that the error is of; 0 where it is of none."""
    ask = getattr(error, "get_http_status_code", None)  # of MLflow's own
    response = getattr(error, "response", None)  # of requests, which carry artifacts
    return int(ask()) if ask else int(getattr(response, "status_code", 0))
