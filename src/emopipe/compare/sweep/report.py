"""What a comparison gave: Markdown for people."""

from collections.abc import Mapping, Sequence

from emopipe.compare.sweep.design import Design
from emopipe.compare.sweep.statistics import Effects
from emopipe.reports.markdown import markdown_table

SPLIT_NAMES = {"val": "validation", "test": "test"}


def experiments_markdown(
    design: Design, found: Mapping[tuple[str, str], tuple[Sequence[str], Effects]], missing: Sequence[str]
) -> str:
    """The tables; `found` holds the settings, the baseline first, and their effects, by model and split.

    missing: the experiments that have no result, in words.
    """
    settings = "\n".join(f"- `{name}`: {_words(overrides)}" for name, overrides in design.settings.items())
    parts = [
        "# Comparison",
        f"Models {', '.join(design.models)}; seeds {', '.join(map(str, design.seeds))}; "
        f"in all: {_words(design.params)}.",
        settings,
        *(_section(model, split, names, effects) for (model, split), (names, effects) in found.items()),
    ]
    if missing:
        parts.append("Left out, because not all their seeds are done: " + ", ".join(missing) + ".")
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
        "Bold: signal, more than seeds and the choice of faces explain, at 95 % over all settings together; the rest "
        "is noise."
        if effects.num_seeds > 1
        else "One seed: what seeds alone would change is not known, so nothing is marked as signal."
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


def _words(overrides: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in overrides.items()) or "params.yaml as it is"
