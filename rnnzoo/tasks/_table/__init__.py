"""The parts of the task `table`.

roles -> files -> read (or ts) -> sequences -> split -> arrays

roles        what the options say of each column
files        which files there are
read, ts     columns that know their rows, out of CSV, Parquet and Arrow, or out of `.ts`
sequences    steps in their order, and windows of them
split        which split each is in
arrays       inputs and targets as a task's splits have them

profile      what columns hold, before anybody says what they are for; `guess`, what that may be
"""
