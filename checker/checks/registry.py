"""Every check there is, in the order of their ids. A check that is not here does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from checker.checks import (
    c601_stale_suppression,
    d401_deployed_revision_missing,
    d402_deployed_revision_changed,
    g201_multiple_heads,
    g202_diverged_branch,
    g203_missing_down_revision,
    g204_duplicate_revision,
    g205_revision_cycle,
    g206_multiple_bases,
    g207_missing_dependency,
    g208_unreadable_script,
    g209_revision_id_too_long,
    g210_docstring_disagrees,
    g211_duplicate_branch_label,
    g212_no_revisions,
    g213_refused_revision_id,
    h101_edited_revision,
    h102_deleted_revision,
    h103_reparented_revision,
    h104_inserted_revision,
    h105_cosmetic_edit,
    h106_moved_script,
    h107_renumbered_revision,
    r301_upgrade_failed,
    r302_downgrade_failed,
    r303_downgrade_does_not_restore,
    r304_reupgrade_differs,
    r305_irreversible_revision,
    r306_model_drift,
    r307_single_run_failed,
    r308_history_diverges,
    r309_base_not_replayable,
    r310_timed_out,
    r311_worker_died,
    r312_foreign_connection,
    r313_environment_failed,
    r314_extension_unavailable,
    r315_changed_behaviour,
    r316_replay_incomplete,
)
from checker.checks.base import Check, CheckInfo


@dataclass(frozen=True)
class Registered:
    """A check's record and its function."""

    info: CheckInfo
    check: Check


def _register(module: ModuleType) -> Registered:
    return Registered(module.INFO, module.check)


CHECKS: tuple[Registered, ...] = tuple(
    _register(module)
    for module in (
        h101_edited_revision,
        h102_deleted_revision,
        h103_reparented_revision,
        h104_inserted_revision,
        h105_cosmetic_edit,
        h106_moved_script,
        h107_renumbered_revision,
        g201_multiple_heads,
        g202_diverged_branch,
        g203_missing_down_revision,
        g204_duplicate_revision,
        g205_revision_cycle,
        g206_multiple_bases,
        g207_missing_dependency,
        g208_unreadable_script,
        g209_revision_id_too_long,
        g210_docstring_disagrees,
        g211_duplicate_branch_label,
        g212_no_revisions,
        g213_refused_revision_id,
        d401_deployed_revision_missing,
        d402_deployed_revision_changed,
        c601_stale_suppression,
        r301_upgrade_failed,
        r302_downgrade_failed,
        r303_downgrade_does_not_restore,
        r304_reupgrade_differs,
        r305_irreversible_revision,
        r306_model_drift,
        r307_single_run_failed,
        r308_history_diverges,
        r309_base_not_replayable,
        r310_timed_out,
        r311_worker_died,
        r312_foreign_connection,
        r313_environment_failed,
        r314_extension_unavailable,
        r315_changed_behaviour,
        r316_replay_incomplete,
    )
)

STATIC = tuple(one for one in CHECKS if not one.info.replay)
REPLAY = tuple(one for one in CHECKS if one.info.replay)


def find(check: str) -> Registered | None:
    """The check of that id or slug."""
    return next((one for one in CHECKS if check.upper() == one.info.id or check.lower() == one.info.slug), None)
