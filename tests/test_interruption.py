"""A training that is killed and started again ends with the weights of one that was not."""

import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from emopipe.training.classifier import Classifier
from emopipe.training.loop import train
from emopipe.training.networks import architecture
from test_training import bright_or_dark, config

ARCHITECTURE = architecture("test_resnet", num_classes=2, size=16, channels=1, max_stride=16)
RECIPE = {
    "epochs": 6,
    "ema_decay": 0.9,
    "augment": {"flip": True, "rotation": 10.0, "mixup": 0.2},
    "correct": {"resample_exponent": 0.5},
}


def small_network(seed=0):
    torch.manual_seed(seed)
    return Classifier(ARCHITECTURE, mean=0.5, std=0.25)


def passes(classifier, file=None, *, save_seconds=0.0, optimizer="muon"):
    return train(
        classifier,
        bright_or_dark(64),
        bright_or_dark(16, seed=1),
        config(**RECIPE, optimizer=optimizer),
        seed=3,
        device="cpu",
        interrupted=file,
        save_seconds=save_seconds,
    )


def weights(classifier):
    return torch.cat([value.flatten().double() for value in classifier.state_dict().values()])


@pytest.fixture(scope="module")
def whole():
    """The classifier and the epochs of a training that nothing interrupts."""
    classifier = small_network()
    return classifier, list(passes(classifier))


def without_seconds(epochs):
    return [{name: value for name, value in vars(epoch).items() if name != "seconds"} for epoch in epochs]


@pytest.mark.parametrize("num_before", [1, 6])
def test_with_adamw_alone_they_are_the_same_too(tmp_path, num_before):
    whole, file = small_network(), tmp_path / "state.safetensors"
    list(passes(whole, optimizer="adamw"))
    first = passes(small_network(), file, optimizer="adamw")
    for _ in range(num_before):
        next(first)
    first.close()
    again = small_network(seed=9)
    list(passes(again, file, optimizer="adamw"))
    assert torch.equal(weights(again), weights(whole))


@pytest.mark.parametrize("num_before", [1, 4, 6])
def test_after_an_interruption_figures_and_weights_are_the_same(tmp_path, whole, num_before):
    file = tmp_path / "state.safetensors"
    first = passes(small_network(), file)
    for _ in range(num_before):
        next(first)
    first.close()
    again = small_network(seed=9)  # nothing of it must be left
    epochs = list(passes(again, file))
    assert without_seconds(epochs) == without_seconds(whole[1])
    assert torch.equal(weights(again), weights(whole[0]))


KILLED = """
import sys, torch
from pathlib import Path
from emopipe.training.training_state import TrainingState
from test_interruption import passes, small_network
torch.set_num_threads(int(sys.argv[2]))
for epoch in passes(small_network(), Path(sys.argv[1])):
    print(epoch.epoch, flush=True)
    if epoch.epoch == 3:
        input()  # the next epochs wait, so that the kill comes in the middle
"""


def test_killed_in_mid_training_it_goes_on_to_the_same_weights(tmp_path, whole):
    file = tmp_path / "state.safetensors"
    command = [sys.executable, "-c", KILLED, str(file), str(torch.get_num_threads())]
    with subprocess.Popen(command, cwd="tests", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert [process.stdout.readline().strip() for _ in range(3)] == ["1", "2", "3"]
        process.stdin.write("\n")
        process.stdin.flush()
        time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    again = small_network(seed=9)
    epochs = list(passes(again, file))
    assert without_seconds(epochs) == without_seconds(whole[1])
    assert torch.equal(weights(again), weights(whole[0]))


@pytest.mark.parametrize("machine", ["another", None])
def test_what_another_machine_or_nobody_wrote_is_not_taken_up(tmp_path, whole, machine):
    file = tmp_path / "state.safetensors"
    next(passes(small_network(), file))
    if machine is None:
        file.write_bytes(b"rubbish")
    else:
        save_file(load_file(file), file, metadata={"history": "[]", "machine": machine})
    classifier = small_network()
    assert without_seconds(passes(classifier, file)) == without_seconds(whole[1])
    assert torch.equal(weights(classifier), weights(whole[0]))


def test_it_is_written_no_more_often_than_asked(tmp_path):
    list(passes(small_network(), tmp_path / "state.safetensors", save_seconds=3600))
    assert list(tmp_path.iterdir()) == []
