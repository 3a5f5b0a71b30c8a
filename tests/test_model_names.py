"""Names read from the sources of timm and ultralytics are those that the libraries know."""

import os

import pytest

from emopipe.training.model_names import timm_names, ultralytics_names


@pytest.mark.slow
def test_the_names_of_timm_are_complete():
    import timm
    from timm.models import _registry

    assert timm_names() == {*timm.list_models(), *_registry._deprecated_models}
    assert all(map(timm.is_model, timm_names()))


@pytest.mark.slow
def test_the_names_of_ultralytics_have_definitions(monkeypatch):
    from PIL import Image

    from emopipe.training.networks.ultralytics_networks import ENVIRONMENT

    os.environ.update(ENVIRONMENT)
    monkeypatch.setattr(Image, "open", Image.open)  # put back afterwards: ultralytics replaces it when it is imported
    from ultralytics.nn.tasks import yaml_model_load

    assert {"yolov8n-cls", "yolov8-cls", "yolo11x-cls"} <= ultralytics_names()
    for name in ultralytics_names():
        definition = yaml_model_load(f"{name}.yaml")
        assert definition["scale"] in ("", *definition["scales"]), name
    with pytest.raises(FileNotFoundError):
        yaml_model_load("yolov9n-cls.yaml")
