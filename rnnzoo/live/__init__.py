"""A sweep in a browser: a page that shows it as it runs.

    sweep.tally -> record -> a file beside the sweep's lock -> look -> page -> server -> browser

    record   an observer that keeps what is known of a sweep in a file
    look     the files of an experiment, those of parts that run at once as one, and whether their
             sweeps live
    draw     curves of trials, and claims that close
    page     the page, in sections
    server   serves it on this machine

A sweep and its page share nothing but the file, so that the page may be opened on another machine,
before the sweep or after it, and a page never holds a sweep up.
"""
