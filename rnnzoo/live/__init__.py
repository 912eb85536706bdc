"""A sweep in a browser: a page that shows it as it runs.

    sweep.tally -> record -> a file beside the sweep's lock -> look -> page -> server -> browser

    state    what a sweep has told, as plain values of a size that does not grow
    record   an observer that keeps them in a file
    look     the files of an experiment, those of parts that run at once as one, and whether their
             sweeps live
    markup   HTML and SVG in which all text is escaped
    draw     curves of trials, and claims that close
    page     the page, in sections
    server   serves it on this machine

A sweep and its page share nothing but the file, so that the page may be opened on another machine,
before the sweep or after it, and a page never holds a sweep up.
"""
