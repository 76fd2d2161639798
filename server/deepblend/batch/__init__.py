"""Many blends from one file of jobs: read and checked first, then done one by one or on a Ray cluster, resumable."""
