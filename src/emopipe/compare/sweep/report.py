"""Tables of a sweep, as Markdown."""

from collections.abc import Mapping, Sequence

from emopipe.compare.sweep.design import Design
from emopipe.compare.sweep.statistics import Effects
from emopipe.reports.markdown import markdown_table

SPLIT_NAMES = {"val": "validation", "test": "test"}


def sweep_markdown(
    design: Design, summary: Mapping[tuple[str, str], tuple[Sequence[str], Effects]], missing: Sequence[str]
) -> str:
    """The tables; `summary` holds the settings, the baseline first, and their effects, by model and split.

    missing: trials without a result.
    """
    settings = "\n".join(f"- `{name}`: {_overrides_text(overrides)}" for name, overrides in design.settings.items())
    parts = [
        "# Sweep",
        f"Models {', '.join(design.models)}; seeds {', '.join(map(str, design.seeds))}; "
        f"in all: {_overrides_text(design.params)}.",
        settings,
        *(_section(model, split, names, effects) for (model, split), (names, effects) in summary.items()),
    ]
    if missing:
        parts.append("Left out, as not all their seeds are done: " + ", ".join(missing) + ".")
    return "\n\n".join(parts) + "\n"


def _section(model: str, split: str, settings: Sequence[str], effects: Effects) -> str:
    header = ["setting", *effects.names]
    values = [
        [name, *(f"{100 * value:.1f} ± {100 * half:.1f}" for value, half in zip(row, halves, strict=True))]
        for name, row, halves in zip(settings, effects.values, effects.half, strict=True)
    ]
    differences = [
        [name, *(_difference(*cell) for cell in zip(row, halves, signals, strict=True))]
        for name, row, halves, signals in zip(
            settings[1:], effects.differences[1:], effects.difference_half[1:], effects.signal[1:], strict=True
        )
    ]
    note = (
        "Bold: significant beyond seeds and the sample of faces, at 95 % over all settings together; the rest is noise."
        if effects.num_seeds > 1
        else "One seed: the variation between seeds is unknown, so nothing is marked as significant."
    )
    return "\n\n".join(
        [
            f"## {model}, {SPLIT_NAMES[split]}",
            f"Per cent, mean of the seeds ({effects.num_seeds}), with 95 % intervals over seeds and faces.",
            markdown_table(header, values),
            f"Differences from `{settings[0]}`, in points. {note}",
            markdown_table(header, differences),
        ]
    )


def _difference(difference: float, half: float, signal: bool) -> str:
    text = f"{100 * difference:+.1f} ± {100 * half:.1f}"
    return f"**{text}**" if signal else text


def _overrides_text(overrides: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in overrides.items()) or "params.yaml unchanged"
