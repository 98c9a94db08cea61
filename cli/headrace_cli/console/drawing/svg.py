"""Small figures as SVG. Colours come from classes of the style sheet: the pages allow no style of their own."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 120, 26
BAR_HEIGHT, BAR_STEP, BAR_WIDTH = 120, 26, 20


def sparkline(values: Sequence[float], said: str) -> Markup:
    """A line over the values, oldest first; `said` is what a person who does not see it is read."""
    top = max(values, default=0) or 1
    step = WIDTH / max(len(values) - 1, 1)
    points = [(round(index * step, 1), round(HEIGHT - 2 - value / top * (HEIGHT - 4), 1))
              for index, value in enumerate(values)]  # fmt: skip
    line = " ".join(f"{x},{y}" for x, y in points)
    area = f"0,{HEIGHT} {line} {WIDTH},{HEIGHT}"
    return Markup(  # noqa: S704 - numbers made here, and a text that is escaped
        f'<svg class="spark" role="img" aria-label="{escape(said)}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" preserveAspectRatio="none">'
        f'<polygon class="area" points="{area}"/><polyline class="line" points="{line}"/></svg>'
    )


def stacked_bars(labels: Sequence[str], series: dict[str, Sequence[int]], said: str) -> Markup:
    """A bar for each label, made of one piece for each of the series; each piece says its number when pointed at."""
    top = max((sum(values) for values in zip(*series.values(), strict=True)), default=0) or 1
    width = max(len(labels) * BAR_STEP + 10, 200)
    parts = []
    for index, label in enumerate(labels):
        bottom = float(BAR_HEIGHT)
        for number, (name, values) in enumerate(series.items()):
            height = round(values[index] / top * (BAR_HEIGHT - 10), 1)
            bottom = round(bottom - height, 1)
            if height:
                parts.append(
                    f'<rect class="s{number % 8}" x="{index * BAR_STEP + 4}" y="{bottom}" width="{BAR_WIDTH}"'
                    f' height="{height}"><title>{escape(f"{label}: {name}: {values[index]:,}")}</title></rect>'
                )
        parts.append(f'<text x="{index * BAR_STEP + 14}" y="{BAR_HEIGHT + 14}">{escape(label[-5:])}</text>')
    drawn = "".join(parts)
    return Markup(  # noqa: S704 - numbers made here, and texts that are escaped
        f'<svg class="bars" role="img" aria-label="{escape(said)}" viewBox="0 0 {width} {BAR_HEIGHT + 20}"'
        f' width="{width}" height="{BAR_HEIGHT + 20}"><line class="axis" x1="0" x2="{width}" y1="{BAR_HEIGHT}"'
        f' y2="{BAR_HEIGHT}"/>{drawn}</svg>'
    )
