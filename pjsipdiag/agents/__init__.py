"""Questions that agents (language models) ask over MCP, the Model Context Protocol, on standard input and output.

In come questions about files below one folder; out go answers that are data: redacted unless the one who started it
said otherwise, in pages, and marked so that nothing a packet says looks like an instruction.

    root        paths below a folder, which no link leaves
    answers     the questions and their answers, as JSON
    server      the protocol, by the library `mcp`

Imports: `redact`, `report` and what stands below; only `cli` stands above. A question is a method of `Answers` and a
row of `server.QUESTIONS`; nothing here writes, connects or runs anything.
"""
