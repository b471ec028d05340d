//! Room for standing runs, and what becomes of those that are paused or left.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::*;

fn standing(models: &str) -> RunRequest {
    RunRequest {
        job_file: String::new(),
        batches: "/data/batch".to_owned(),
        models: models.to_owned(),
        only: Vec::new(),
        retrain: false,
        follow: true,
        dry_run: false,
    }
}

fn live() -> Live {
    Live::new(CancellationToken::new(), Progress::default())
}

#[test]
fn a_standing_run_that_is_resumed_needs_room_like_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let table = Table::open(Folders::open(folder.path()).unwrap(), 100).unwrap();
    let job: JobName = "trips".parse().unwrap();
    let add = |models: &str| table.add(&standing(models), &job, live());
    let end = |id: &RunId, state: RunState| table.end(id, |run| run.state = state);
    let first = add("/data/m").unwrap().id;
    end(&first, RunState::Failed);
    let second = add("/data/m").unwrap().id;
    let refused = table.add_again(&first, live());
    assert!(matches!(refused, Err(RunError::FollowedAlready { id }) if id == second));
    end(&second, RunState::Finished);
    table.add_again(&first, live()).unwrap();

    for number in 1..FOLLOW_LIMIT {
        add(&format!("/data/m{number}")).unwrap();
    }
    assert!(matches!(add("/data/other"), Err(RunError::FullOfStanding)));
    end(&first, RunState::Paused);
    add("/data/other").unwrap();
    let refused = table.add_again(&first, live());
    assert!(matches!(refused, Err(RunError::FullOfStanding)));
}

#[test]
fn paused_runs_are_kept_up_to_a_number_and_take_no_room_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Table::open(Folders::open(folder.path()).unwrap(), 2).unwrap();
    let table = open();
    let job: JobName = "trips".parse().unwrap();
    let add = |models: &str| table.add(&standing(models), &job, live());
    let paused = |models: &str| {
        let id = add(models).unwrap().id;
        table.end(&id, |run| run.state = RunState::Paused);
        id
    };
    let first = paused("/data/a");
    let kept = [paused("/data/b"), paused("/data/c")];
    assert!(matches!(table.run(&first), Err(RunError::NoSuchRun { .. })));
    // Runs that ended do not push them out.
    for number in 0..4 {
        let id = add(&format!("/data/ended{number}")).unwrap().id;
        table.end(&id, |run| run.state = RunState::Finished);
    }
    assert_eq!(table.list().len(), 4, "two that ended, two that are paused");
    // A run into the models of a paused run is refused. A run into the models of the removed one is not.
    let refused = add("/data/b");
    assert!(matches!(refused, Err(RunError::FollowedAlready { id }) if id == kept[0]));
    add("/data/a").unwrap();
    // These leave room for one more standing run. One of the paused runs takes it.
    for number in 2..FOLLOW_LIMIT {
        add(&format!("/data/m{number}")).unwrap();
    }
    table.add_again(&kept[0], live()).unwrap();
    let refused = table.add_again(&kept[1], live());
    assert!(matches!(refused, Err(RunError::FullOfStanding)));
    drop(table);
    assert_eq!(open().run(&kept[1]).unwrap().state, RunState::Paused);
}

#[test]
fn a_standing_run_that_a_scheduler_left_goes_on_or_ends() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Table::open(Folders::open(folder.path()).unwrap(), 100).unwrap();
    let job: JobName = "trips".parse().unwrap();
    let before = open();
    let goes_on = before.add(&standing("/data/m"), &job, live()).unwrap().id;
    let ends = before.add(&standing("/data/n"), &job, live()).unwrap().id;
    drop(before);

    let table = open();
    assert_eq!(table.left(), [goes_on.clone(), ends.clone()]);
    table.add_again(&goes_on, live()).unwrap();
    assert_eq!(table.cancel(&ends).unwrap().state, RunState::Finished);
    assert!(table.left().is_empty());
}
