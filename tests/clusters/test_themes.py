"""From failures to named clusters, and the same clusters the week after."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from evalloop.clusters.embed import OfflineEmbedder
from evalloop.clusters.follow import birth_id, follow
from evalloop.clusters.group import LeidenClusterer
from evalloop.clusters.label import PhraseLabeler
from evalloop.clusters.themes import ThemeOptions, build, week_of
from evalloop.records.cluster import OTHER, Cluster
from evalloop.records.failure import Failure

OLD = ("card_arrival", "change_pin", "age_limit", "apple_pay_or_google_pay", "exchange_rate", "terminate_account",
       "top_up_failed", "verify_my_identity", "lost_or_stolen_phone", "pending_card_payment", "cancel_transfer",
       "transaction_charged_twice")
NEW = "passcode_forgotten"


def week(banking: tuple[list[str], list[str]], half: int, intents: tuple[str, ...]) -> list[Failure]:
    """Every second text of some intents as failures of as many users."""
    rows = [(place, text) for place, (text, intent) in enumerate(zip(*banking, strict=True)) if intent in intents]
    return [
        Failure(f"f{place}", text, user_key=f"u{place}", occurred_at=f"2026-11-{16 + 7 * half + place % 7}T10:00:00Z")
        for place, text in rows[half::2]
    ]


def themes(failures: list[Failure], known: list[Cluster], number: int = 47) -> list[Cluster]:
    """The stage with its defaults."""
    options = ThemeOptions(f"2026-W{number}")
    return build(failures, known, OfflineEmbedder(), LeidenClusterer(), PhraseLabeler(), options)


@pytest.fixture(scope="module")
def first(banking: tuple[list[str], list[str]]) -> list[Cluster]:
    """The themes of the first week."""
    return themes(week(banking, 0, OLD), [])


def home(clusters: list[Cluster], banking: tuple[list[str], list[str]]) -> dict[str, str]:
    """The cluster that holds most failures of each intent."""
    counts: dict[str, Counter[str]] = {}
    for cluster in clusters:
        for member in cluster.member_ids:
            counts.setdefault(banking[1][int(member[1:])], Counter())[cluster.cluster_id] += 1
    return {intent: count.most_common(1)[0][0] for intent, count in counts.items()}


def test_every_failure_is_in_one_cluster_and_shares_add_up(
    banking: tuple[list[str], list[str]], first: list[Cluster]
) -> None:
    """Nothing is left out silently: members partition the failures and the shares sum to 1."""
    members = [member for cluster in first for member in cluster.member_ids]
    assert sorted(members) == sorted(failure.failure_id for failure in week(banking, 0, OLD))
    assert sum(cluster.share for cluster in first) == pytest.approx(1)
    assert all(cluster.share_low < cluster.share < cluster.share_high for cluster in first if cluster.size)
    assert all(cluster.size == len(cluster.member_ids) == cluster.users for cluster in first)


def test_clusters_are_named_quoted_and_dated(first: list[Cluster]) -> None:
    """Every cluster has a name of its own, quotes, exemplars, and the times of its failures."""
    named = [cluster for cluster in first if cluster.cluster_id != OTHER]
    assert len({cluster.label for cluster in named}) == len(named) >= 8
    assert all(cluster.label and cluster.quotes and 0 < len(cluster.exemplars) <= 30 for cluster in named)
    assert all("2026-11-16" <= cluster.first_seen[:10] <= cluster.last_seen[:10] <= "2026-11-22" for cluster in named)
    assert [cluster.share for cluster in named] == sorted((cluster.share for cluster in named), reverse=True)


def test_order_of_failures_does_not_matter(banking: tuple[list[str], list[str]], first: list[Cluster]) -> None:
    """Shuffled failures give the same clusters with the same ids, names and shares."""
    shuffled = week(banking, 0, OLD)
    random.Random(4).shuffle(shuffled)
    assert themes(shuffled, []) == first


def test_clusters_keep_their_ids_and_a_new_one_is_born(
    banking: tuple[list[str], list[str]], first: list[Cluster]
) -> None:
    """Other texts of the same intents land in the same clusters; an intent never seen before gets a new id."""
    second = themes(week(banking, 1, (*OLD, NEW)), first, 48)
    before, after = home(first, banking), home(second, banking)
    assert sum(before[intent] == after[intent] for intent in OLD) >= 0.75 * len(OLD)
    assert after[NEW] not in {cluster.cluster_id for cluster in first}


def test_a_theme_of_few_words_keeps_its_id(banking: tuple[list[str], list[str]]) -> None:
    """A big cluster whose texts repeat each other has few exemplars for its size, and goes on all the same."""
    said = ("what are you talking about?", "what are you talking about again?", "what r you talking about")
    chat = [Failure(f"c{n}", said[n % 3], user_key=f"c{n}") for n in range(200)]
    chat += [Failure(f"d{n}", "so what are you talking about?", user_key=f"d{n}") for n in range(40)]
    others = week(banking, 0, OLD)
    before = themes([*others, *chat[:200]], [])
    after = themes([*others, *chat], before, 48)
    home_of = [next(each.cluster_id for each in found if "c7" in each.member_ids) for found in (before, after)]
    assert home_of[0] == home_of[1]
    shown = [{cluster.cluster_id for cluster in found if cluster.size} - {OTHER} for found in (before, after)]
    assert shown[0] == shown[1]


def test_a_human_name_and_status_stay(banking: tuple[list[str], list[str]], first: list[Cluster]) -> None:
    """A rename and a status survive the next week; first_seen stays, last_seen moves on."""
    renamed = replace(first[0], label="Named by a person", status="has-cases")
    second = {cluster.cluster_id: cluster for cluster in themes(week(banking, 1, OLD), [renamed, *first[1:]], 48)}
    found = second[renamed.cluster_id]
    assert (found.label, found.status) == ("Named by a person", "has-cases")
    assert found.first_seen == renamed.first_seen
    assert found.last_seen > renamed.last_seen


def test_a_cluster_without_failures_comes_back_empty(first: list[Cluster]) -> None:
    """A quiet week forgets nobody: size and share 0, exemplars kept, last_seen as before."""
    quiet = themes([], first, 48)
    assert {cluster.cluster_id for cluster in quiet} == {cluster.cluster_id for cluster in first}
    assert all(cluster.size == 0 and cluster.share == 0 and not cluster.member_ids for cluster in quiet)
    kept = {cluster.cluster_id: (cluster.exemplars, cluster.last_seen) for cluster in first}
    assert all((cluster.exemplars, cluster.last_seen) == kept[cluster.cluster_id] for cluster in quiet)


@pytest.mark.parametrize("texts", [[], [""], ["one"], ["a", "b", "c", "d", "e"], ["", "", "🍕"], ["long " * 200_000]])
def test_tiny_weeks_are_no_error(texts: list[str]) -> None:
    """Nothing, one text, a few, empty ones, emoji, a megabyte: all failures are accounted for."""
    found = themes([Failure(f"f{n}", text) for n, text in enumerate(texts)], [])
    assert sum(cluster.size for cluster in found) == len(texts)


def test_one_complaint_repeated_is_one_cluster_with_its_words() -> None:
    """Identical texts make one cluster that holds everything."""
    found = themes([Failure(f"f{n}", "The citation is broken.", user_key=f"u{n}") for n in range(30)], [])
    assert [(cluster.label, cluster.share) for cluster in found] == [("The citation is broken", 1.0)]


def test_names_are_made_of_words_that_may_be_used() -> None:
    """A theme is named by users who allow evals, if it has any; the others count in its share."""
    said = {True: "it never loads on my phone", False: "IT NEVER LOADS ON MY PHONE"}
    rows = [Failure(f"f{n}", said[n % 6 == 0], user_key=f"u{n}", consent_purposes=("eval",) if n % 6 == 0 else ())
            for n in range(60)]
    (cluster,) = themes(rows, [])
    assert (cluster.label, cluster.size) == (said[True], 60)
    (cluster,) = themes([replace(each, consent_purposes=()) for each in rows], [])
    assert cluster.label == said[False]


def test_quarantined_failures_are_not_clustered() -> None:
    """Failures of weight 0 are neither members nor counted."""
    rows = [Failure(f"f{n}", "The citation is broken.", user_key=f"u{n}") for n in range(30)]
    brigade = [Failure(f"b{n}", "buy gold now", weight=0.0, user_key=f"x{n}") for n in range(60)]
    assert themes([*rows, *brigade], []) == themes(rows, [])


def test_a_birth_has_a_stable_id() -> None:
    """The id depends on the texts, not on their order, case or number of copies."""
    assert birth_id(["b", "A"]) == birth_id(["a", "b", "b"]) != birth_id(["a"])
    assert birth_id(["a"]).startswith("c-")
    assert len(birth_id(["a"])) == 12


def test_small_births_are_other() -> None:
    """A new group under the least size is not a cluster yet."""
    found = follow(["broken citation"] * 3, [], OfflineEmbedder(), LeidenClusterer(), min_size=5)
    assert found.ids == (OTHER,) * 3
    assert not found.born


def test_week_of_a_time() -> None:
    """ISO weeks, also around the turn of the year."""
    assert week_of("2026-11-20T10:00:00+00:00") == "2026-W47"
    assert week_of("2027-01-01T00:00:00Z") == "2026-W53"
