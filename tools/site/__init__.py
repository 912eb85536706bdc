"""The docs site: the pages of docs/ with a table of contents, and a reference made from the code.

    contents    which pages there are, and where each stands
    commands    the reference of commands, from their parser
    keys        the reference of keys, from the tables by which files are read
    interface   the reference of the Python interface, from docstrings
    notebooks   a notebook as a page
    links       links of the finished site that lead nowhere
    conf        settings of Sphinx
    __main__    all of it: `make docs`

In: docs/, the changelog, the code.  Out: build/docs/html, which works from a file and needs no
network.  A page that no section names, a reference that leads nowhere and a warning of Sphinx end
the build.
"""
