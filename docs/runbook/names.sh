# Sourced, in the folder of the cdktf app: `. docs/runbook/names.sh prod`. Sets the names that the runbook's commands use, from
# the outputs of the stack `prod-data-lake`, and two functions. Without a state, set the names by hand: they are those of the
# AWS console.

_output() { "${TERRAFORM_BINARY_NAME:-terraform}" -chdir="cdktf.out/stacks/$ENV-data-lake" output -raw "$1"; }

if [ -n "${1:-}" ]; then
  export ENV=$1
  BUCKET=$(_output bucket)
  BACKUP_BUCKET=$(_output backup_bucket) && STORE=s3://$BACKUP_BUCKET/$(_output backup_prefix)
  ENDPOINT=$(_output database_endpoint) && DB=${ENDPOINT%%.*}
  MASTER_SECRET=$(_output master_user_secret_arn)
  BACKUP_JOB=$(_output backup_job_name)
  RESTORE_JOB=$(_output restore_job_name)
  PURGE_JOB=$(_output purge_job_name 2> /dev/null) || PURGE_JOB=
  export BUCKET BACKUP_BUCKET STORE ENDPOINT DB MASTER_SECRET BACKUP_JOB RESTORE_JOB PURGE_JOB
fi

# last_runs JOB: the five newest runs, with the first line of their errors. Reads only.
last_runs() {
  aws glue get-job-runs --job-name "$1" --max-results 5 --output text \
    --query 'JobRuns[].[StartedOn, JobRunState, Id, ErrorMessage]'
}

# run_job JOB '{"--argument": "value"}': starts a run, waits for its end, shows its log and its error. Fails with the run.
run_job() {
  local id state
  id=$(aws glue start-job-run --job-name "$1" --arguments "$2" --query JobRunId --output text) || return
  echo "$1: run $id"
  while state=$(aws glue get-job-run --job-name "$1" --run-id "$id" --query JobRun.JobRunState --output text); do
    case $state in STARTING | RUNNING | STOPPING | WAITING) sleep "${POLL_SECONDS:-10}" ;; *) break ;; esac
  done
  job_log "$1" "$id"
  aws glue get-job-run --job-name "$1" --run-id "$id" --query 'JobRun.[JobRunState, ErrorMessage]' --output text
  [ "$state" = SUCCEEDED ]
}

# job_log JOB RUN: the events that a run wrote, one JSON object a line. Reads only.
job_log() {
  local group
  for group in $(aws logs describe-log-groups --log-group-name-prefix "/aws-glue/jobs/$1/" --output text \
    --query 'logGroups[].logGroupName'); do
    case $group in
      */output)
        aws logs filter-log-events --log-group-name "$group" --log-stream-name-prefix "$2" --output text \
          --query 'events[].[message]'
        ;;
    esac
  done
}
