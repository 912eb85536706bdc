#!/bin/bash
# Workers for a sweep, by Slurm: each of 8 tasks is a worker that runs 4 trials at a time.
#   SCHEDULER=tls://login1:8786 sbatch docs/cluster/slurm.sh
# More of them: give the command again.  Fewer: scancel a job; its trials run again elsewhere.
#SBATCH --job-name=rnnzoo
#SBATCH --ntasks=8
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=2G
#SBATCH --time=04:00:00
#SBATCH --output=rnnzoo-%j.log
set -eu
certificates=${CERTIFICATES:-$PWD/certificates}

# A worker leaves ten minutes before Slurm would end it, so that Slurm never kills a trial.
exec srun dask worker "$SCHEDULER" \
    --nthreads "$SLURM_CPUS_PER_TASK" --resources "trial=$SLURM_CPUS_PER_TASK" \
    --memory-limit 0 --dashboard-address 127.0.0.1:0 \
    --lifetime 230m --death-timeout 120 --local-directory "${TMPDIR:-/tmp}" \
    --tls-ca-file "$certificates/ca.pem" \
    --tls-cert "$certificates/worker.pem" --tls-key "$certificates/worker-key.pem"
