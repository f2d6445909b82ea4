"""The pictures of the HTML report: pure geometry as frozen data; the templates turn it into SVG."""
