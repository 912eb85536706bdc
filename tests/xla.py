"""Options with which XLA compiles in the tests, where little runs for long."""

from importlib.metadata import PackageNotFoundError, version

# What is compiled here runs for milliseconds: `make test-all` has it optimised as a sweep has,
# which takes twice as long.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_cpu_parallel_codegen_split_count=1"]


def _takes_fusion_emitters() -> bool:
    """Whether JAX is here and knows this option: a later version refuses it."""
    try:
        installed = version("jaxlib")
    except PackageNotFoundError:
        return False
    return tuple(map(int, installed.split(".")[:3])) < (0, 11, 1)


if _takes_fusion_emitters():
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
