"""What is a mixture called? The same words in sentences, labels and tables."""

from __future__ import annotations

from collections.abc import Mapping

from modelcollapse.digits import amount_text, count_text, share_text


def mixture_text(counts: dict[str, float], *, weight: float = 1.0) -> str:
    """Return a mixture in words; synthetic sources without samples are left out.

    Examples
    --------
    >>> mixture_text({"real": 600.0, "synthetic": 1200.0}), mixture_text({"real": 0.0, "synthetic": 5.0}, weight=0.5)
    ('600 real + 1,200 synthetic', '5 synthetic at weight 0.5')
    """
    parts = [f"{count_text(count)} {name}" for name, count in counts.items() if count > 0]
    has_synthetic = any(count > 0 for name, count in counts.items() if name != "real")
    return " + ".join(parts) + (f" at weight {weight:.2g}" if weight != 1 and has_synthetic else "")


def setting_text(setting: Mapping[str, float], *, unit: str) -> str:
    """Return the setting of a training run in words.

    Examples
    --------
    >>> setting_text({"real": 1e9, "synthetic": 2.5e8, "size": 1e8, "generation": 2.0}, unit="tokens")
    '1 ×10⁹ real + 250 ×10⁶ synthetic tokens, size 100 ×10⁶, generation 2'
    >>> setting_text({"real": 1000.0, "synthetic": 0.0, "generation": 0.0}, unit="samples")
    '1,000 real samples'
    """
    parts = [f"{amount_text(setting[kind])} {kind}" for kind in ("real", "synthetic") if setting.get(kind, 0.0) > 0]
    text = f"{' + '.join(parts)} {unit}"
    if "generator" in setting and setting.get("synthetic", 0.0) > 0:
        text += f", from a generator of {amount_text(setting['generator'])}"
    return text + condition_text(size=setting.get("size"), generation=setting.get("generation"))


def condition_text(*, size: float | None, generation: float | None) -> str:
    """Return what goes after a setting or a share: the model's size and the generation, where they are known.

    Examples
    --------
    >>> condition_text(size=1e6, generation=None), condition_text(size=None, generation=2.0)
    (', size 1 ×10⁶', ', generation 2')
    """
    words = f", size {amount_text(size)}" if size is not None else ""
    return words + (f", generation {generation:.0f}" if generation else "")


def synthetic_share_text(fraction: float) -> str:
    """Return which data a run is trained on, by its synthetic share.

    Examples
    --------
    >>> synthetic_share_text(0.0), synthetic_share_text(0.25), synthetic_share_text(1.0)
    ('real data only', '25 % synthetic', 'synthetic data only')
    """
    if fraction in (0.0, 1.0):
        return "synthetic data only" if fraction else "real data only"
    return f"{share_text(fraction)} synthetic"
