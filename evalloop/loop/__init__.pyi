# the project: settings and plugins
from .project import Project, open_project

# collecting: events over HTTP, and who may send them
from .collecting import (
    create_key,
    dead_letters,
    drop_letters,
    list_keys,
    migrate_store,
    open_events,
    open_webhooks,
    replay_letters,
    revoke_key,
    rotate_key,
    salt_of,
    store_stats,
)
from .forgetting import forget_pending, forget_user, prune_store

# capture: files -> events; signals: events -> evidence -> failures
from .capturing import Reading, capture, platforms
from .evidence import (
    conflicts,
    derive_signals,
    detectors_of,
    drain,
    failures,
    open_evidence,
    settle_conflicts,
)
from .trust import capture_rates, detector_worth, fit_scores, saved_model, weigh_failures

# clusters: failures -> named themes
from .themes import (
    check_against_random,
    find_clusters,
    find_theme,
    join_themes,
    known_clusters,
    move_theme,
    note_cases,
    read_themes,
    rename_theme,
    theme_history,
)

# cases: themes -> candidate cases -> reviewed files -> evalsets
from .evalsets import (
    check_evalsets,
    choose_variants,
    known_failures,
    load_evalset,
)
from .growing import GrowOptions, grow_cases
from .proposing import propose_cases
from .imports import ImportedEvalset, import_evalset
from .reviewing import open_review, reopen_cases, retirement
from .tracing import trace_case

# runs: evalsets x variants -> trials
from .trials import (
    cache_stats,
    check_services,
    estimate_runs,
    export_run,
    find_run,
    list_runs,
    merge_runs,
    open_engine,
    open_log,
    open_saved,
    plan_runs,
    prune_cache,
    read_run,
    regrade_run,
    resume_run,
    run_plans,
    self_judges,
)

# the run that the next ones are compared with, as a file of git
from .baselines import baseline_path, read_baselines, set_baseline
# judges: people's labels -> how far a judge may be trusted
from .judges import Labelled, calibrate, calibrations, keep_calibration, label_sheet
# preferences: evidence -> training data
from .training import export_training, read_profiles

# one output at hand -> its grades
from .bench import open_bench

# releases: what shipped, and what production says of it
from .releases import (
    check_recorded,
    create_release,
    find_release,
    list_releases,
    notes_feed,
    verify_release,
    write_notes,
)

# notices: users hear of it
from .notices import plan_notices, send_notices

# the whole: one turn unattended, and where it stands
from .standing import status
from .turning import turn

# report: trials -> deltas -> verdict; notes: verdict -> what users are told
from .verdicts import compare, compare_trials, read_trials, render, write_release
from .confirm import decide

# before a run: what the cases can show; after many: which variant is best
from .planning import plan_evalset, plan_runs_again, select

__all__ = [
    "GrowOptions",
    "ImportedEvalset",
    "Labelled",
    "Project",
    "Reading",
    "baseline_path",
    "cache_stats",
    "calibrate",
    "calibrations",
    "capture",
    "capture_rates",
    "check_against_random",
    "check_evalsets",
    "check_recorded",
    "check_services",
    "choose_variants",
    "compare",
    "compare_trials",
    "conflicts",
    "create_key",
    "create_release",
    "dead_letters",
    "decide",
    "derive_signals",
    "detector_worth",
    "detectors_of",
    "drain",
    "drop_letters",
    "estimate_runs",
    "export_run",
    "export_training",
    "failures",
    "find_clusters",
    "find_release",
    "find_run",
    "find_theme",
    "fit_scores",
    "forget_pending",
    "forget_user",
    "grow_cases",
    "import_evalset",
    "join_themes",
    "keep_calibration",
    "known_clusters",
    "known_failures",
    "label_sheet",
    "list_keys",
    "list_releases",
    "list_runs",
    "load_evalset",
    "merge_runs",
    "migrate_store",
    "move_theme",
    "note_cases",
    "notes_feed",
    "open_bench",
    "open_engine",
    "open_events",
    "open_evidence",
    "open_log",
    "open_project",
    "open_review",
    "open_saved",
    "open_webhooks",
    "plan_evalset",
    "plan_notices",
    "plan_runs",
    "plan_runs_again",
    "platforms",
    "propose_cases",
    "prune_cache",
    "prune_store",
    "read_baselines",
    "read_profiles",
    "read_run",
    "read_themes",
    "read_trials",
    "regrade_run",
    "rename_theme",
    "render",
    "reopen_cases",
    "replay_letters",
    "resume_run",
    "retirement",
    "revoke_key",
    "rotate_key",
    "run_plans",
    "salt_of",
    "saved_model",
    "select",
    "self_judges",
    "send_notices",
    "set_baseline",
    "settle_conflicts",
    "status",
    "store_stats",
    "theme_history",
    "trace_case",
    "turn",
    "verify_release",
    "weigh_failures",
    "write_notes",
    "write_release",
]
