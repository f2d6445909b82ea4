"""Captures gathered, alone or by several processes: the answer is the same.

In come the files of the captures and the number of processes; out come folds, joined in the order of the capture, and
how far each file was read.

    gather    which files and parts there are, reading and folding them, joining the folds
    executor  who reads the parts: the seam behind --jobs, and its processes
    jobs      work shared between processes: a fork for each item, results in the order of the items
    acknowledged  captures read again: which calls their sender has shown to be his own

Imports: `calls`, `capture`; `diagnose` asks it. Another way of sharing work (machines instead of processes) is another
Executor: what it sends is a fold, never packets. A process that dies or hangs is named, and no result of it is guessed.
"""
