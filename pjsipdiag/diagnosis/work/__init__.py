"""Captures gathered, alone or by several processes: the answer is the same.

In come the files of the captures and the number of processes; out come folds, joined in the order of the capture, and
how far each file was read.

    gather    the whole way from files to one fold; tasks: which pieces of them are read together
    reading   one piece or file, read and folded; chain: what goes on from one file to the next
    executor  who reads them: the seam behind --jobs and --dask, and the processes of --jobs
    jobs      work shared between processes: a fork for each item, results in the order of the items
    kept      what was read is kept, so that a run that was ended goes on
    cluster   workers of a Dask cluster; scheduler: how it is reached; parcel: folds as bytes, which travel
    holders   captures read again where they are: by the workers
    rereading  what is asked of the captures once more: texts of few calls, and whose an address is

Imports: `calls`, `capture`; `diagnose` asks it. Another way of sharing work (machines instead of processes) is another
Executor, which `gather` chooses: what it sends is a fold, never packets. A process that dies or hangs is named, and no
result of it is guessed.
"""
