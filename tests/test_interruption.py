"""A training that resumes after an interruption ends with the weights of an uninterrupted one."""

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


def run_epochs(classifier, file=None, *, save_seconds=0.0, optimizer="muon"):
    return train(
        classifier,
        bright_or_dark(64),
        bright_or_dark(16, seed=1),
        config(**RECIPE, optimizer=optimizer),
        seed=3,
        device="cpu",
        state_file=file,
        save_seconds=save_seconds,
    )


def weights(classifier):
    return torch.cat([value.flatten().double() for value in classifier.state_dict().values()])


@pytest.fixture(scope="module")
def whole():
    """Classifier and epochs of an uninterrupted training."""
    classifier = small_network()
    return classifier, list(run_epochs(classifier))


def without_seconds(epochs):
    return [{name: value for name, value in vars(epoch).items() if name != "seconds"} for epoch in epochs]


@pytest.mark.slow
@pytest.mark.parametrize("num_before", [1, 6])
def test_resuming_with_adamw_gives_the_same_weights(tmp_path, num_before):
    whole, file = small_network(), tmp_path / "state.safetensors"
    list(run_epochs(whole, optimizer="adamw"))
    first = run_epochs(small_network(), file, optimizer="adamw")
    for _ in range(num_before):
        next(first)
    first.close()
    again = small_network(seed=9)
    list(run_epochs(again, file, optimizer="adamw"))
    assert torch.equal(weights(again), weights(whole))


@pytest.mark.slow
@pytest.mark.parametrize("num_before", [1, 4, 6])
def test_resuming_gives_the_same_metrics_and_weights(tmp_path, whole, num_before):
    file = tmp_path / "state.safetensors"
    first = run_epochs(small_network(), file)
    for _ in range(num_before):
        next(first)
    first.close()
    again = small_network(seed=9)  # its weights must be replaced
    epochs = list(run_epochs(again, file))
    assert without_seconds(epochs) == without_seconds(whole[1])
    assert torch.equal(weights(again), weights(whole[0]))


KILLED = """
import sys, torch
from pathlib import Path
from emopipe.training.training_state import TrainingState
from test_interruption import run_epochs, small_network
torch.set_num_threads(int(sys.argv[2]))
for epoch in run_epochs(small_network(), Path(sys.argv[1])):
    print(epoch.epoch, flush=True)
    if epoch.epoch == 3:
        input()  # so that the kill comes during a later epoch
"""


@pytest.mark.slow
def test_a_killed_training_resumes_to_the_same_weights(tmp_path, whole):
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
    epochs = list(run_epochs(again, file))
    assert without_seconds(epochs) == without_seconds(whole[1])
    assert torch.equal(weights(again), weights(whole[0]))


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["another", None])
def test_a_state_of_another_machine_or_a_broken_one_is_ignored(tmp_path, whole, machine):
    file = tmp_path / "state.safetensors"
    next(run_epochs(small_network(), file))
    if machine is None:
        file.write_bytes(b"rubbish")
    else:
        save_file(load_file(file), file, metadata={"history": "[]", "machine": machine})
    classifier = small_network()
    assert without_seconds(run_epochs(classifier, file)) == without_seconds(whole[1])
    assert torch.equal(weights(classifier), weights(whole[0]))


@pytest.mark.slow
def test_the_state_is_saved_at_most_every_save_seconds(tmp_path):
    list(run_epochs(small_network(), tmp_path / "state.safetensors", save_seconds=3600))
    assert list(tmp_path.iterdir()) == []
