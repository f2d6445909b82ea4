"""Many PBXs, one report: each is diagnosed as alone, then what they have in common is told once.

In comes a file that lists PBXs (FLEET.toml); out come a table of them, causes over all, sources that several saw.

    plan             the file: PBXs with their captures, configurations, addresses; a mistake is a line of it
    processes        one PBX after the other, in processes of their own; one that cannot be reached is named
    model            what a PBX came to, what a fleet came to
    shared_causes    findings that have the same cause are one, with a place at each PBX; sources that several saw
    text, json, csv, html    the formats; the schema of the JSON stands with that of reports, templates/ is the page
    parquet          the calls as rows for DuckDB, Spark or pandas
    wording          sentences that the formats share

Imports: `report` and all below it; only `cli` stands above. What is kept of a PBX is bounded, whatever it received.
"""
