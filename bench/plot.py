"""Draws `results.json`: how far each ratio is from its goal. Runs in the peers' environment, for matplotlib.

python bench/plot.py bench/results.json
"""

import json
import math
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
# The same numbers give the same bytes.
mpl.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9})
from matplotlib import pyplot as plt  # noqa: E402 - after it knows how to draw


def main() -> None:
    """Draw."""
    source = Path(sys.argv[1])
    found = json.loads(source.read_text(encoding="utf-8"))
    rows = found["rows"][::-1]
    # Above 1 is on the right side of the goal, whichever way that is.
    scores = [row["ratio"] / row["goal"] if row["at_least"] else row["goal"] / row["ratio"] for row in rows]
    figure, axes = plt.subplots(figsize=(9, 0.32 * len(rows) + 1.1), layout="constrained")
    colours = ["#2a7f62" if row["reached"] else "#c2622d" for row in rows]
    axes.barh(range(len(rows)), [math.log2(one) for one in scores], color=colours, height=0.66)
    axes.axvline(0, color="#222222", linewidth=1)
    axes.set_yticks(range(len(rows)), [f"{row['what']}  /  {row['against']}" for row in rows])
    ticks = [-3, -2, -1, 0, 1, 2, 3]
    axes.set_xticks(ticks, ["1/8", "1/4", "1/2", "goal", "2", "4", "8"])
    axes.set_xlim(-3.2, 3.2)
    axes.set_xlabel("times better than the goal" + ("" if found["full"] else " (quick form)"))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.savefig(source.with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
