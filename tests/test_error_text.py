"""The message of an error of MLflow: a remedy if the server refuses a user, and never a password."""

import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, UNAUTHENTICATED

from emopipe.tracking.error_text import error_text, without_password

USER = "the server does not accept this user: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
PERMISSION = "the server does not let this user do that: ask for the permission MANAGE"


def refused(status: int) -> requests.HTTPError:
    """As the proxy of artifacts refuses."""
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError("no", response=response)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MlflowException("who?", error_code=UNAUTHENTICATED), USER),
        (MlflowException("no", error_code=PERMISSION_DENIED), PERMISSION),
        (refused(401), USER),
        (refused(403), PERMISSION),
        (refused(500), "no"),
        (requests.ConnectionError("gone for\n lunch"), "gone for lunch"),
        (OSError("x" * 500), "x" * 200),
        (ValueError("http://ada:password@host/api and https://bob@host"), "http://host/api and https://host"),
    ],
)
def test_the_message_is_one_line_with_a_remedy(error, text):
    assert error_text(error) == text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ada:p%40ss@mlflow.example.org/x", "https://mlflow.example.org/x"),
        ("postgresql+psycopg://m:p@/mlflow?host=/run", "postgresql+psycopg:///mlflow?host=/run"),
        ("http://127.0.0.1:5000/@x", "http://127.0.0.1:5000/@x"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
    ],
)
def test_an_address_is_shown_without_user_and_password(address, shown):
    assert without_password(address) == shown
