"""Pictures of a result: SVG from a template, PNG and PDF from that SVG."""
