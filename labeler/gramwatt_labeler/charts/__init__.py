"""Charts as Vega-Lite specifications, drawn to SVG on the server: no script, printable, the same on page and paper."""
