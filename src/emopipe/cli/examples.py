"""The example with which the help of each command begins."""

from typing import Any

from typer.core import TyperCommand

EXAMPLES = {
    "data import": "emopipe data import ~/my-faces --set-params",
    "data show": "emopipe data show",
    "data sample": "emopipe data sample faces.csv.xz --num-faces 500",
    "run": "emopipe run -S train.epochs=20 -S 'models=[cnn]'",
    "preset": "emopipe preset fer2013-60min",
    "preflight": "emopipe preflight",
    "summary": "emopipe summary --markdown",
    "explain": "emopipe explain train@cnn",
    "sweep": "emopipe sweep --model cnn --seed 0 --seed 1 --epochs 6",
    "distill": "emopipe distill starts/teacher.parquet --model cnn --model resnet10t",
    "compare": "emopipe compare models:/emopipe@champion workspace:cnn",
    "register": "emopipe register main",
    "promote": "emopipe promote",
    "reevaluate": "emopipe reevaluate 3",
    "check": "emopipe check --base main",
    "runs": "emopipe runs HEAD~1",
    "sync": "emopipe sync",
    "reproduce": "emopipe reproduce models:/emopipe@champion",
    "ui": "emopipe ui --port 5001",
    "predict": "emopipe predict photos/ clip.mp4 --annotate marked",
    "live": "emopipe live --camera 1",
    "web": "emopipe web",
    "serve": "emopipe serve --port 8001",
    "model list": "emopipe model list",
    "model use": "emopipe model use exports",
}
"""By the words of the command."""


class ExampleCommand(TyperCommand):
    """A command whose help shows its example below the usage."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the usage and the example."""
        super().format_usage(ctx, formatter)
        words = ctx.command_path.removeprefix("emopipe ")
        formatter.write(f"Example: {EXAMPLES[words]}\n")
