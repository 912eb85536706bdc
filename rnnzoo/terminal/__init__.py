"""What a person watches on a terminal while something runs.

    console    where everything is printed: text, in which nothing is read as markup
    bars       a bar for each preparation that takes long
    searching  a search over cells: one line
    display    a sweep: bars and best scores, or plain lines where there is no terminal
    notebook   the same display in the cell of a notebook

In: what the work says of itself.  Out: text, nothing else.
"""
