#!/bin/bash
#SBATCH --job-name=gates
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=08:00:00
#SBATCH --signal=TERM@120
# One experiment as an array of jobs, a shard each: sbatch array.sh
# A shard that did not come to its end goes on when its job is submitted again: sbatch --array=3,5 array.sh
set -eu

shards=8                                        # as many as --array has, also where some run again
spec=$(realpath "${SPEC:-gates.yaml}")          # in the folder from which it is submitted, or SPEC=...
folder=parts/$SLURM_ARRAY_TASK_ID               # of its own: nothing is shared but the experiment

mkdir -p "$folder" results
echo "launcher: local" >"$folder/mlflow.yml"     # which makes it a project of its own
cd "$folder"
srun rnnzoo sweep "$spec" --shard "$SLURM_ARRAY_TASK_ID/$shards" \
    --workers "${SLURM_CPUS_PER_TASK:-1}" --hours 7.5 --grace 100
rnnzoo export "$spec" "../../results/$SLURM_ARRAY_TASK_ID.csv" --force
