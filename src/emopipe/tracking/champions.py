"""The history of champions: a tag of the registered model, which `--rollback` goes back through."""

import json
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.store import NAME
from emopipe.tracking.versions import (
    CHALLENGER,
    CHAMPION,
    REPLACED_TAG,
    ROLLED_BACK_TAG,
    all_versions,
    find_champion,
    get_aliases,
    tag_version,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

HISTORY_TAG = "emopipe.champions"
"""Of the registered model: a JSON list of version numbers, the first champion first."""


def champion_history(client: "MlflowClient", numbers: list[str] | None = None) -> list[str]:
    """Numbers of the versions that became champion and were not rolled back, the present one last.

    It follows an alias that was moved by hand, or by a command that did not end: back to a champion of the history, it
    ends there; to any other version, it goes on. Deleted versions are left out. numbers: by default those of the tag.
    """
    versions = {str(version.version): version for version in all_versions(client)}
    champion = find_champion(client)
    now = None if champion is None else str(champion.version)
    numbers = stored_history(client) if numbers is None else numbers
    numbers = _replaced(versions, now) if numbers is None else numbers
    if now in numbers:
        numbers = numbers[: len(numbers) - numbers[::-1].index(now)]
    elif now is not None:
        numbers = [*numbers, now]
    return [number for number, _ in groupby(number for number in numbers if number in versions)]


def stored_history(client: "MlflowClient") -> list[str] | None:
    """The tag as it is; None without one, as in a registry of an earlier version of this project.

    Raises `WorkspaceError` if it is no list of numbers.
    """
    models = client.search_registered_models(f"name = '{NAME}'")
    text = next((model.tags[HISTORY_TAG] for model in models if HISTORY_TAG in model.tags), None)
    try:
        return None if text is None else [str(int(number)) for number in json.loads(text)]
    except (ValueError, TypeError) as error:
        raise WorkspaceError(
            f"the tag {HISTORY_TAG} of the registered model is no list of version numbers: correct it, or delete it"
        ) from error


def store_history(client: "MlflowClient", numbers: Iterable[str]) -> None:
    """Set the tag."""
    client.set_registered_model_tag(NAME, HISTORY_TAG, json.dumps([int(number) for number in numbers]))


def move_champion(
    client: "MlflowClient", version: "ModelVersion", before: "ModelVersion | None", *, rollback: bool = False
) -> None:
    """Make a version champion: append it to the history, or in a rollback remove the present one.

    A version that becomes champion is no longer challenger. before: the present champion, which `version` was compared
    with. Raises `WorkspaceError`, and moves nothing, if another version has become champion since. The history is
    written before the alias moves.
    """
    now = find_champion(client)
    if (now and str(now.version)) != (before and str(before.version)):
        raise WorkspaceError(
            f"the champion has become {'none' if now is None else f'version {now.version}'} meanwhile, "
            "so nothing was moved: run the command again"
        )
    history = champion_history(client)
    if before is not None and not rollback:
        tag_version(client, version, {REPLACED_TAG: str(before.version)})
    store_history(client, history[:-1] if rollback else [*history, str(version.version)])
    client.set_registered_model_alias(NAME, CHAMPION, str(version.version))
    if get_aliases(client).get(CHALLENGER) == str(version.version):
        client.delete_registered_model_alias(NAME, CHALLENGER)


def _replaced(versions: "dict[str, ModelVersion]", champion: str | None) -> list[str]:
    """The history by the tags of the versions, each of which names the one that it replaced."""
    found: list[str] = []
    number = champion
    while number in versions and number not in found:
        found.insert(0, number)
        number = versions[number].tags.get(REPLACED_TAG)
    return [number for number in found if number == champion or ROLLED_BACK_TAG not in versions[number].tags]
