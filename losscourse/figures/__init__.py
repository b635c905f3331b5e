"""What the pages draw: cards, plots, sliders. All of it comes from the catalogue and its functions.

A picture carries its alternative text and takes its colours from the page it stands on, so that it
reads in light, in dark and in print.
"""

from losscourse.figures.cards import card
from losscourse.figures.explorers import View, explore
from losscourse.figures.fits import explore_descent, explore_line_fit, explore_squares
from losscourse.figures.paths import explore_paths
from losscourse.figures.pictures import Picture, panel
from losscourse.figures.plots import (
    plot_bands,
    plot_classes,
    plot_curves,
    plot_gradients,
    plot_graph,
    plot_histograms,
    plot_images,
    plot_intervals,
    plot_lines,
    plot_losses,
    plot_objectives,
    plot_regions,
    plot_series,
    plot_simplex,
    plot_trellis,
)
from losscourse.figures.tables import table

__all__ = [
    "Picture",
    "View",
    "card",
    "explore",
    "explore_descent",
    "explore_line_fit",
    "explore_paths",
    "explore_squares",
    "panel",
    "plot_bands",
    "plot_classes",
    "plot_curves",
    "plot_gradients",
    "plot_graph",
    "plot_histograms",
    "plot_images",
    "plot_intervals",
    "plot_lines",
    "plot_losses",
    "plot_objectives",
    "plot_regions",
    "plot_series",
    "plot_simplex",
    "plot_trellis",
    "table",
]
