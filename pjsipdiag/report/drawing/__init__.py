"""The pictures of the HTML report: pure geometry as frozen data; the templates turn it into SVG.

In come the calls of a Report; out come shapes with places in units of the picture, and the text that stands in them.

    tally       one walk over all calls, for every picture at once
    timeline    a row for each source, a bar for each step of time
    flow        from the source through identifier and endpoint to the answer
    ladder      the messages of one call
    contrast    in what a call that failed and one that came through differ
    excerpt     the section that a finding is about
    diff        a suggestion as lines to read and to patch

Imports: `diagnosis.model` and `report.wording`. A picture is a module here and a template beside the others.
"""
