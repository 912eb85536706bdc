"""Options with which XLA compiles in the tests, where little runs for long."""

from importlib.metadata import version

# What is compiled here runs for milliseconds: `make test-all` has it optimised as a sweep has,
# which takes twice as long.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_cpu_parallel_codegen_split_count=1"]
if tuple(map(int, version("jaxlib").split(".")[:3])) < (0, 11, 1):  # a later one refuses it
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
