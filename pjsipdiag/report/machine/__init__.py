"""The report for machines: spreadsheets, build servers, code scanning, other programs.

In comes a Report; out goes text in a form that others define, or that `schema-1.json` does. Text that came in packets
and files is data there, too: escaped as the form wants it.

    json               schema 1, everything; one call in a line; findings: the findings and suggestions in it
    csv                the sources, for a spreadsheet
    sarif              SARIF 2.1.0, for code scanning
    junit              JUnit XML, for a build server
    github             annotations of a workflow
    repository_path    where a file of the configuration is, as seen from the repository

Imports: what `report` may import. A new form is a module here with `write`, and a row of `report.RENDERERS`.
"""
