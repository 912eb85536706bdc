"""The vocabulary: frozen values that know where they were written, and no behaviour beyond reading and checking.

document      YAML text -> nodes with a Span (the only file that imports yaml)
cell          CellSpec: a cell as text, `extends` resolved
experiment    Experiment, Search, Space, Select, Claim
trial         Trial (all that one training needs), Outcome (all that it yields)
settings      mlflow.yml
"""
