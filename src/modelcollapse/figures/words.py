"""What is a mixture called? The same words in sentences, labels and tables."""

from __future__ import annotations

from modelcollapse.digits import count_text, share_text


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
