"""The message of an error of MLflow, shortened to a part of one line, without passwords."""

import re

ADVICE = {
    401: "the server does not accept this user: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    403: "the server does not let this user do that: ask for the permission MANAGE",
}
"""By HTTP status, in place of MLflow's message, which names a page of its documentation or nothing."""
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
LENGTH = 200


def error_text(error: BaseException) -> str:
    """The message, or the remedy if the server refuses a user; at most 200 characters."""
    return ADVICE.get(_status(error)) or without_password(" ".join(str(error).split()))[:LENGTH]


def without_password(text: str) -> str:
    """`text` without user and password in its addresses."""
    return CREDENTIALS.sub("", text)


def _status(error: BaseException) -> int:
    """The HTTP status of an error of MLflow, or of `requests` (artifacts); 0 for any other."""
    get_status = getattr(error, "get_http_status_code", None)
    response = getattr(error, "response", None)
    return int(get_status()) if get_status else int(getattr(response, "status_code", 0))
