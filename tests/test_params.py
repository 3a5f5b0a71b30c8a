import re
import sys
from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest
import yaml

from emopipe.core.errors import ParamsError
from emopipe.core.params import RENAMED, load_params, parse_params
from emopipe.training import model_names
from projects import ROOT, succeed_unforked

PARAMS = Path(__file__).parents[1] / "params.yaml"


def changed(section, **values):
    raw = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    raw[section] |= values
    return raw


def test_the_file_of_the_project_is_valid():
    assert "cnn" in load_params(PARAMS).models


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("train", {"epoch": 3}, "train.epoch is not known (did you mean epochs?)"),
        (
            "balance",
            {"strategy": "x"},
            "balance.strategy: input should be 'none', 'oversample', 'undersample', 'augment', 'morph', 'smote', "
            "'borderline_smote', 'adasyn', 'smote_enn', 'deepsmote' or 'flow', got 'x'",
        ),
        *(
            (
                "balance",
                {"target": target},
                "balance.target: expected max, mean, a number of faces, a share of the largest class (0.5, 1.0) or "
                f"numbers by class, got {target!r}",
            )
            for target in ("most", 0, 1.5, True, {"sad": 0.5})
        ),
        ("image", {"channels": 2}, "image.channels: input should be 1 or 3, got 2"),
        ("models", "cnn", "models: expected a list, got 'cnn'"),
        ("models", ["cnn", "resnet18", "cnn"], "models: cnn is listed 2 times"),
        ("ensembles", ["cnn"], "ensembles: expected names with values, got ['cnn']"),
        ("models", [], "models: tuple should have at least 1 item after validation, not 0, got []"),
        (
            "train",
            {"ema_decay": 2.0, "epochs": 0},
            "train.epochs: input should be greater than or equal to 1, got 0; "
            "train.ema_decay: input should be less than 1, got 2.0",
        ),
        ("base", {"classes": ["a", "A"]}, "base: classes must differ"),
        ("base", {"classes": ["col\u00e8re", "cole\u0300re "]}, "base: classes must differ"),
        ("base", {"classes": ["a", " "]}, "base: classes must have names"),
        ("promote", {"min_gains": 0.1}, "promote.min_gains is not known (did you mean min_gain?)"),
        ("promote", {"confidence": 1.0}, "promote.confidence: input should be less than 1, got 1.0"),
        ("ingest", {"split_map": {"x": "y"}}, "ingest.split_map.x: input should be 'train', 'val' or 'test', got 'y'"),
    ],
)
def test_a_mistake_is_named_in_one_line(section, values, message):
    raw = changed(section, **values) if isinstance(values, dict) else changed("base") | {section: values}
    with pytest.raises(ParamsError) as error:
        parse_params(raw)
    assert str(error.value) == f"params.yaml: {message}"


def test_class_names_are_composed_and_stripped():
    assert parse_params(changed("base", classes=["cole\u0300re ", "sad"])).base.classes == ("col\u00e8re", "sad")


@pytest.mark.parametrize("target", ["max", "mean", 500, 0.5, 1.0, {"sad": 900}])
def test_a_target_keeps_its_type(target):
    parsed = parse_params(changed("balance", target=target)).balance.target
    assert (parsed, type(parsed)) == (target, type(target))


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        ("augment", {"rotate": 3.0}, "train.augment.rotate is not known (did you mean rotation?)"),
        ("augment", {"scale": 1.0}, "train.augment.scale: input should be less than 1, got 1.0"),
        ("augment", {"mixup": 1.0, "cutmix": 0.5}, "train.augment: mixup=1 and cutmix=0.5 exclude each other: set "),
        (
            "imbalance",
            {"resample_exponent": 1.0, "logit_adjustment": 1.0},
            "train.imbalance: logit_adjustment=1 and resample_exponent=1 correct the same imbalance",
        ),
    ],
)
def test_mistakes_in_the_parts_of_a_section_are_named(part, values, message):
    raw = changed("train")
    raw["train"][part] |= values
    with pytest.raises(ParamsError) as error:
        parse_params(raw)
    assert message in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "members", "message"),
    [
        ("all", ["cnn", "vgg"], "params.yaml: ensembles.all names vgg, not among models"),
        ("cnn", ["cnn", "yolov8n-cls"], "params.yaml: ensembles.cnn is also the name of a model"),
    ],
)
def test_members_of_an_ensemble_must_be_trained_models(name, members, message):
    with pytest.raises(ParamsError) as error:
        parse_params(changed("base") | {"ensembles": {name: members}})
    assert str(error.value) == message


def test_all_mistakes_are_reported_at_once():
    raw = changed("image", size=4) | {"seeed": 1}
    raw["base"].pop("seed")
    with pytest.raises(ParamsError) as error:
        parse_params(raw)
    assert "base.seed is missing" in str(error.value)
    assert "image.size: input should be greater than or equal to 16, got 4" in str(error.value)
    assert "seeed is not known (expected one of base, image, " in str(error.value)


def test_a_missing_or_broken_file_is_one_line(tmp_path):
    with pytest.raises(ParamsError, match=r"params.yaml does not exist: run from the root of the project$"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("base: [", encoding="utf-8")
    with pytest.raises(ParamsError, match=r"^[^\n]*is not YAML \([^\n]*\): correct it, or take it from git$"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("CNN", "did you mean cnn?"),
        ("resent18", "did you mean resnet18 or resnet18d or skresnet18?"),
        ("timm/resnet18.a1_in1k", "did you mean resnet18 or resnet18d or skresnet18?"),
        ("yolov8n-cls.pt", "did you mean yolov8n-cls or yolov8-cls or yolov8x-cls?"),
        ("yolo99-cls", None),
        ("xyzzy", "see timm.list_models()"),
        ("", "see timm.list_models()"),
    ],
)
def test_an_unknown_model_is_found_before_it_is_trained(name, hint):
    raw = changed("base") | {"models": ["cnn", name, "yolov8n-cls", "resnet18.a1_in1k"]}
    assert parse_params(raw).models[1] == name  # of a commit, whose libraries may have been others
    with pytest.raises(ParamsError) as error:
        parse_params(raw, trainable=True)
    line = f"params.yaml: models: {name!r} is neither cnn, nor a network of timm, nor of ultralytics; "
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)
    assert hint is None or str(error.value) == line + hint


def test_a_network_of_a_library_that_is_not_installed_is_found_too(monkeypatch):
    monkeypatch.setattr(model_names, "_files", lambda *_: [])
    model_names.ultralytics_names.cache_clear()
    with pytest.raises(ParamsError) as error:
        parse_params(changed("base") | {"models": ["cnn", "yolov8n-cls"]}, trainable=True)
    without = parse_params(
        changed("train", overrides={"yolov8n-cls": {"epochs": 9}}) | {"models": ["cnn"]}, trainable=True
    )
    model_names.ultralytics_names.cache_clear()
    assert without.models == ("cnn",)
    assert str(error.value) == (
        "params.yaml: models: yolov8n-cls needs ultralytics (AGPL-3.0): `pip install ultralytics`, or remove it"
    )


def test_a_check_of_names_imports_no_library_of_networks():
    code = f"""if True:
        import sys
        from pathlib import Path
        from emopipe.core.params import load_params
        load_params(Path({str(PARAMS)!r}), trainable=True)
        print({{"torch", "timm", "ultralytics"}} & set(sys.modules))"""
    assert succeed_unforked(ROOT, sys.executable, "-c", code) == "set()\n"


@pytest.mark.parametrize(
    ("encoding", "byte"), [("latin-1", 4), ("utf-16", 0), ("utf-16-le", None), ("utf-8-sig", None), ("utf-8", None)]
)
def test_a_file_in_another_encoding_is_one_line(tmp_path, encoding, byte):
    path = tmp_path / "params.yaml"
    path.write_bytes(f"# Größe\n{PARAMS.read_text(encoding='utf-8')}".encode(encoding))
    if encoding.startswith("utf-8"):
        assert load_params(path) == load_params(PARAMS)
        return
    with pytest.raises(ParamsError) as error:
        load_params(path)
    assert re.fullmatch(rf"{path} is not (UTF-8 \(byte \d+\): save it as UTF-8|YAML: [^\n]+)", str(error.value))
    assert byte is None or f"(byte {byte})" in str(error.value)


def test_a_former_name_is_refused_with_the_present_one():
    raw = changed("base")
    raw["train"]["warm_up"] = raw["train"].pop("warmup_fraction")
    raw["train"]["models"] = raw.pop("models")
    with pytest.raises(ParamsError) as error:
        parse_params(raw)
    assert str(error.value) == (
        "params.yaml: train.warm_up is called train.warmup_fraction now; train.models is called models now"
    )


def test_every_former_name_maps_to_a_known_parameter():
    raw = changed("base")
    for path in RENAMED.values():
        assert reduce(lambda section, key: section[key], path.split("."), raw) is not None


def test_a_model_can_have_a_recipe_of_its_own():
    overrides = {"cnn": {"epochs": 7, "image_size": 32, "augment": {"rotation": 0.0}}}
    train = parse_params(changed("train", overrides=overrides)).train
    own, other = train.for_model("cnn"), train.for_model("resnet18")
    assert (own.epochs, own.image_size, own.augment.rotation, own.overrides) == (7, 32, 0.0, {})
    assert own.augment == replace(train.augment, rotation=0.0)
    assert other == replace(train, overrides={})


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ({"epochs": 0}, r"train: overrides.cnn.epochs: [^\n]*greater than or equal to 1, got 0"),
        ({"epoch": 3}, r"train: overrides.cnn.epoch: [^\n]*"),
        ({"augment": {"flips": True}}, r"train: overrides.cnn.augment.flips: [^\n]*"),
        ({"pretrained": {}}, "train: overrides.cnn: pretrained cannot be overridden"),
    ],
)
def test_an_override_that_does_not_fit_is_one_line(override, problem):
    with pytest.raises(ParamsError, match=rf"^params.yaml: {problem}$"):
        parse_params(changed("train", overrides={"cnn": override}))


@pytest.mark.parametrize("values", [{"pretrained": {"resnet19": "hub"}}, {"overrides": {"resnet19": {}}}])
def test_recipes_of_unknown_networks_are_mistakes_and_those_of_unlisted_ones_are_not(values):
    with pytest.raises(ParamsError, match=r"^params.yaml: train: 'resnet19' is neither cnn, [^\n]*$"):
        parse_params(changed("train", **values), trainable=True)
    listed = parse_params(changed("train", overrides={"resnet34": {"epochs": 9}}), trainable=True)
    assert listed.train.for_model("resnet34").epochs == 9


def test_each_parameter_has_a_comment_beside_it():
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()[1:]
    own = lines.index(next(line for line in lines if line.startswith("  overrides:")))  # names of models follow
    models = {line for line in lines[own + 1 :] if line.startswith("    ")}
    sections = {"base", "image", *vars(load_params(ROOT / "params.yaml")), "synthetic_filter", "augment", "imbalance"}
    values = [line for line in lines if line and line not in models and line.strip().rstrip(":") not in sections]
    assert [line for line in values if not re.search(r"  # \w|  # [\'{]", line)] == []
    assert len(values) > 90


def test_a_message_names_eight_mistakes_whole_and_counts_the_others():
    raw = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    raw["balance"] |= {f"unknown_{number}": 1 for number in range(11)}
    with pytest.raises(ParamsError) as raised:
        parse_params(raw)
    lines = str(raised.value).split("; ")
    assert lines[-1] == "and 3 more"
    assert len(lines) == 9
    raw = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    raw["train"]["epochs"] = "x" * 5000
    with pytest.raises(ParamsError, match=r"train\.epochs: .*, got 'x{199}…$"):
        parse_params(raw)
