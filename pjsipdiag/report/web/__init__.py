"""Pages for a browser: one file that asks nothing of any server.

In comes a Report, or the calls of a carrier with their messages; out comes HTML, made by the templates of `report`.

    html             the report as one page
    conversations    the calls that a page shows in full, with their messages
    carrier          the page for who sent them

Every value in the templates is made visible and escaped; what a page draws is computed in `report.drawing`.
Imports: `drawing`, `wording` and the other sentences of `report`.
"""
