"""The bar above every page: which pages there are, in order. Templates get it as ``navigation``."""

NAVIGATION = (
    ("/", "Dashboards"),
    ("/evaluations", "Evaluations"),
    ("/models", "Models"),
    ("/explore", "Explore"),
    ("/study", "Study"),
    ("/evaluate", "Evaluate"),
    ("/upload", "Upload"),
    ("/probe", "Probe"),
    ("/roi", "Return"),
    ("/report", "Report"),
    ("/labels/", "Labels"),
    ("/manage", "Manage"),
    ("/api/docs", "REST"),
)
"""Address and title. ``here`` of a page is one of the addresses."""
